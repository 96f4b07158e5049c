# python tools/train.py configs/gmp/ablations/gmp-unified_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py \
#     --test
# Table 4, "Unified modulation".
# One coefficient, k, for the gradients of both tasks.
_base_ = '../gmp_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py'

optim_wrapper = dict(modulation='unified')
