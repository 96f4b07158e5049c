# python tools/train.py configs/boomda/boomda_slowfast-r18-resnet18_1xb32-16e_mini-hac-cartoon-human.py \
#     --test
# One source, and as many iterations as with two.
_base_ = [
    '../_base_/models/slowfast-r18_resnet18_boomda.py',
    '../_base_/datasets/mini_hac-adapt-cartoon-human.py',
    '../_base_/schedules/adam_16e.py',
    '../_base_/default_runtime.py',
]
