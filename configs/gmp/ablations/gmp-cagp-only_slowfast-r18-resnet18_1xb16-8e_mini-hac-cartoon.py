# python tools/train.py configs/gmp/ablations/gmp-cagp-only_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py \
#     --test
# Table 4, "CAGP only".
# Projection alone: k = p = 1.
_base_ = '../gmp_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py'

optim_wrapper = dict(modulation='none')
