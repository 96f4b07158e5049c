# python tools/train.py configs/erm/erm_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py \
#     --test
_base_ = [
    '../_base_/models/slowfast-r18_resnet18.py',
    '../_base_/datasets/mini_hac-cartoon.py',
    '../_base_/schedules/adam_8e.py',
    '../_base_/default_runtime.py',
]
