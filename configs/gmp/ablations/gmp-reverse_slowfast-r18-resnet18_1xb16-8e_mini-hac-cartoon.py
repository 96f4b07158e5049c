# python tools/train.py configs/gmp/ablations/gmp-reverse_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py \
#     --test
# Table 4, "Reverse CAGP".
# In a conflict the gradient of the weaker task is projected.
_base_ = '../gmp_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py'

optim_wrapper = dict(projection='reverse')
