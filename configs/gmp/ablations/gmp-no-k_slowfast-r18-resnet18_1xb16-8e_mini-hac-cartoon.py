# python tools/train.py configs/gmp/ablations/gmp-no-k_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py \
#     --test
# Table 4, "Without k".
# The classification gradient is not modulated: k = 1.
_base_ = '../gmp_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py'

optim_wrapper = dict(alpha_k=0)
