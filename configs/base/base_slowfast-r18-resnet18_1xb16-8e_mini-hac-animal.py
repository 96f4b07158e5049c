# python tools/train.py configs/base/base_slowfast-r18-resnet18_1xb16-8e_mini-hac-animal.py \
#     --test
_base_ = [
    '../_base_/models/slowfast-r18_resnet18_adversarial.py',
    '../_base_/datasets/mini_hac-animal.py',
    '../_base_/schedules/adam_8e.py',
    '../_base_/default_runtime.py',
]
