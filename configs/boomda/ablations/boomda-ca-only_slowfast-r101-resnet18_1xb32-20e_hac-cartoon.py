# python tools/train.py configs/boomda/ablations/boomda-ca-only_slowfast-r101-resnet18_1xb32-20e_hac-cartoon.py \
#     --test
# Alignment (CA) with equal weights, without pseudo labels.
_base_ = '../hac/boomda_slowfast-r101-resnet18_1xb32-20e_hac-cartoon.py'

model = dict(objectives=dict(boomda=dict(alpha1=0, balance='equal')))
