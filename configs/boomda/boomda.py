# python tools/train.py configs/boomda/boomda.py --dataset mini_hac --target cartoon --test
_base_ = '../_base_/adaptation.py'

boomda = dict(
    type='Boomda',
    # Deep CORAL's 1 / 4 d^2 and its rule for the weight: at the end, alignment
    # and classification losses are alike.
    scale='dim',
    alpha2=10,
)
if 'pretrained' not in _base_:
    # The reward of small variances. The paper's 5e-4 is more than encoders
    # that start untrained stand.
    boomda['beta'] = 5e-5
model = dict(
    neck=dict(
        type='ModalityProjection',
        out_channels=256,
        # Without it the weights of the alignment run away: the modality that
        # is aligned best gets all the weight, until its features are constant.
        norm_cfg=dict(type='BN1d'),
        act_cfg=dict(type='ReLU'),
    ),
    objectives=dict(boomda=boomda),
)
work_dir = f'work_dirs/boomda/{_base_.setting}'
