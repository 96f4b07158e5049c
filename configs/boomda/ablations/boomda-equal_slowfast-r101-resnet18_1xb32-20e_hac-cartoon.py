# python tools/train.py configs/boomda/ablations/boomda-equal_slowfast-r101-resnet18_1xb32-20e_hac-cartoon.py \
#     --test
# Pseudo labels and alignment with equal weights: both, unbalanced.
_base_ = '../hac/boomda_slowfast-r101-resnet18_1xb32-20e_hac-cartoon.py'

model = dict(objectives=dict(boomda=dict(balance='equal')))
