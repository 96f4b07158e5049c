# python tools/train.py configs/gmp/ablations/gmp-pcgrad_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py \
#     --test
# Table 4, "PCGrad".
# In a conflict each gradient is projected on the complement of the other.
_base_ = '../gmp_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py'

optim_wrapper = dict(projection='pcgrad')
