# python tools/train.py configs/gmp/ablations/gmp-igdm-only_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py \
#     --test
# Table 4, "IGDM only".
# Modulation alone: conflicting gradients are added as they are.
_base_ = '../gmp_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py'

optim_wrapper = dict(projection='none')
