# python tools/train.py configs/gmp/ablations/gmp-no-p_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py \
#     --test
# Table 4, "Without p".
# The domain gradient is not modulated: p = 1.
_base_ = '../gmp_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py'

optim_wrapper = dict(alpha_p=0)
