# python tools/train.py configs/boomda/ablations/boomda-qp_slowfast-r18-resnet18_1xb32-8e_mini-hac-cartoon.py \
#     --test
# The weights are exact, those of the problem P3, instead of Theorem 1.
_base_ = '../boomda_slowfast-r18-resnet18_1xb32-8e_mini-hac-cartoon.py'

model = dict(objectives=dict(boomda=dict(balance='qp')))
