# python tools/train.py configs/gmp/hac/gmp_slowfast-r101-resnet18_1xb16-20e_hac-human.py \
#     --test
_base_ = '../../base/hac/base_slowfast-r101-resnet18_1xb16-20e_hac-human.py'

optim_wrapper = dict(
    type='GMPOptimWrapper',
    tasks=dict(semantic=['loss_cls'], domain=['loss_domain']),
    alpha_k=0.5,  # 0 leaves the stronger modality's classes alone
    alpha_p=0.5,  # 0 leaves the more invariant modality's domains alone
)
