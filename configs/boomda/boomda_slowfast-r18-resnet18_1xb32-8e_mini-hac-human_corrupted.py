# python tools/train.py configs/boomda/boomda_slowfast-r18-resnet18_1xb32-8e_mini-hac-human_corrupted.py \
#     --test
# The protocol of the paper in spirit: a target whose sound has white noise (SNR
# 1.0) and whose frames are dark (x 0.2) and noisy (SNR 0.5).
_base_ = [
    '../_base_/models/slowfast-r18_resnet18_boomda.py',
    '../_base_/datasets/mini_hac-adapt-human_corrupted.py',
    '../_base_/schedules/adam_8e.py',
    '../_base_/default_runtime.py',
]
