# The same encoders, each projected to 256 features, and the terms of Boomda on
# them.
_base_ = './slowfast-r18_resnet18.py'

projected = dict(video=256, audio=256)

model = dict(
    neck=dict(
        type='ModalityProjection',
        in_channels={{_base_.in_channels}},
        out_channels=256,
        # Without it the weights of the alignment run away: the modality that
        # is aligned best gets all the weight, until its features are constant.
        norm_cfg=dict(type='BN1d'),
        act_cfg=dict(type='ReLU'),
    ),
    cls_head=dict(in_channels=projected),
    objectives=dict(
        boomda=dict(
            type='Boomda',
            in_channels=projected,
            num_classes=7,
            # The reward of small variances. The paper's 5e-4 is more than
            # encoders that start untrained stand.
            beta=5e-5,
            # Deep CORAL's 1 / 4 d^2 and its rule for the weight: at the end,
            # alignment and classification losses are alike.
            scale='dim',
            alpha2=10,
        )
    ),
)
