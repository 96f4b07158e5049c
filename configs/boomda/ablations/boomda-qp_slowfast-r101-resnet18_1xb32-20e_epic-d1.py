# python tools/train.py configs/boomda/ablations/boomda-qp_slowfast-r101-resnet18_1xb32-20e_epic-d1.py \
#     --test
# The weights are exact, those of the problem P3, instead of Theorem 1.
_base_ = '../epic_kitchens/boomda_slowfast-r101-resnet18_1xb32-20e_epic-d1.py'

model = dict(objectives=dict(boomda=dict(balance='qp')))
