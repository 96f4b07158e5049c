# python tools/train.py configs/gmp/gmp_slowfast-r18-resnet18_1xb16-8e_mini-hac-animal.py \
#     --test
_base_ = '../base/base_slowfast-r18-resnet18_1xb16-8e_mini-hac-animal.py'

optim_wrapper = dict(
    type='GMPOptimWrapper',
    tasks=dict(semantic=['loss_cls'], domain=['loss_domain']),
    alpha_k=0.5,  # 0 leaves the stronger modality's classes alone
    alpha_p=0.5,  # 0 leaves the more invariant modality's domains alone
)
