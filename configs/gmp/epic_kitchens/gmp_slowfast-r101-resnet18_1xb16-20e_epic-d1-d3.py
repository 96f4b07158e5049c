# python tools/train.py configs/gmp/epic_kitchens/gmp_slowfast-r101-resnet18_1xb16-20e_epic-d1-d3.py \
#     --test
# One source domain: no domain task, the modulation of the classes alone.
_base_ = '../../base/epic_kitchens/base_slowfast-r101-resnet18_1xb16-20e_epic-d1-d3.py'

optim_wrapper = dict(
    type='GMPOptimWrapper', tasks=dict(semantic=['loss_cls']), alpha_k=0.5
)
