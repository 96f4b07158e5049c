# python tools/train.py configs/boomda/ablations/boomda-equal_slowfast-r18-resnet18_1xb32-8e_mini-hac-cartoon.py \
#     --test
# Pseudo labels and alignment with equal weights: both, unbalanced.
_base_ = '../boomda_slowfast-r18-resnet18_1xb32-8e_mini-hac-cartoon.py'

model = dict(objectives=dict(boomda=dict(balance='equal')))
