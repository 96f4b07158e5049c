# python tools/train.py configs/boomda/boomda.py --dataset mini_hac --target cartoon --test
_base_ = '../_base_/adaptation.py'

boomda = dict(
    type='Boomda',
    # The factor 1 / 4 d^2 of Deep CORAL, and its rule for the weight: at the
    # end of training, alignment and classification losses should be similar.
    scale='dim',
    alpha2=10,
)
if 'pretrained' not in _base_:
    # Weight of the term for small variances. The 5e-4 of the paper is too
    # large for encoders that are trained from scratch.
    boomda['beta'] = 5e-5
model = dict(
    neck=dict(
        type='ModalityProjection',
        out_channels=256,
        # Without normalization, the best aligned modality gets all the weight
        # of the alignment, until its features are constant.
        norm_cfg=dict(type='BN1d'),
        act_cfg=dict(type='ReLU'),
    ),
    objectives=dict(boomda=boomda),
)
work_dir = f'work_dirs/boomda/{_base_.setting}'
