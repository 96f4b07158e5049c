# python tools/train.py configs/gmp/hac/gmp_slowfast-r101-resnet18_1xb16-20e_hac-human-animal.py \
#     --test
# One source domain: no domain task, the modulation of the classes alone.
_base_ = (
    '../../base/hac/base_slowfast-r101-resnet18_1xb16-20e_hac-human-animal.py'
)

optim_wrapper = dict(
    type='GMPOptimWrapper', tasks=dict(semantic=['loss_cls']), alpha_k=0.5
)
