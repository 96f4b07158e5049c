# python tools/train.py configs/boomda/ablations/boomda-pl-only_slowfast-r18-resnet18_1xb32-16e_mini-hac-human-cartoon.py \
#     --test
# Pseudo labels (PL) without alignment.
_base_ = '../boomda_slowfast-r18-resnet18_1xb32-16e_mini-hac-human-cartoon.py'

model = dict(objectives=dict(boomda=dict(alpha2=0)))
