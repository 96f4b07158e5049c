# python tools/train.py configs/boomda/ablations/boomda-pl-only_slowfast-r101-resnet18_1xb32-20e_hac-cartoon.py \
#     --test
# Pseudo labels (PL) without alignment.
_base_ = '../hac/boomda_slowfast-r101-resnet18_1xb32-20e_hac-cartoon.py'

model = dict(objectives=dict(boomda=dict(alpha2=0)))
