# python tools/train.py configs/boomda/ablations/boomda-ca-only_slowfast-r18-resnet18_1xb32-8e_mini-hac-cartoon.py \
#     --test
# Alignment (CA) with equal weights, without pseudo labels.
_base_ = '../boomda_slowfast-r18-resnet18_1xb32-8e_mini-hac-cartoon.py'

model = dict(objectives=dict(boomda=dict(alpha1=0, balance='equal')))
