# python tools/train.py configs/boomda/boomda_slowfast-r18-resnet18_1xb32-8e_mini-hac-animal.py \
#     --test
_base_ = [
    '../_base_/models/slowfast-r18_resnet18_boomda.py',
    '../_base_/datasets/mini_hac-adapt-animal.py',
    '../_base_/schedules/adam_8e.py',
    '../_base_/default_runtime.py',
]
