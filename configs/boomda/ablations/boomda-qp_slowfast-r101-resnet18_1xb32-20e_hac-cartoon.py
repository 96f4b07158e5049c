# python tools/train.py configs/boomda/ablations/boomda-qp_slowfast-r101-resnet18_1xb32-20e_hac-cartoon.py \
#     --test
# The weights are exact, those of the problem P3, instead of Theorem 1.
_base_ = '../hac/boomda_slowfast-r101-resnet18_1xb32-20e_hac-cartoon.py'

model = dict(objectives=dict(boomda=dict(balance='qp')))
