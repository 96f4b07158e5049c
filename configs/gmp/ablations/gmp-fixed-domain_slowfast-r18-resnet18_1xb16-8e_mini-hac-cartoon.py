# python tools/train.py configs/gmp/ablations/gmp-fixed-domain_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py \
#     --test
# Table 4, "Fixed Proj-Domain".
# In a conflict the domain gradient is always the one projected.
_base_ = '../gmp_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py'

optim_wrapper = dict(projection='fixed_domain')
