# python tools/train.py configs/base/epic_kitchens/base_slowfast-r101-resnet18_1xb16-20e_epic-d1.py \
#     --test
_base_ = [
    '../../_base_/models/slowfast-r101_resnet18_adversarial.py',
    '../../_base_/datasets/epic_kitchens_video-audio.py',
    '../../_base_/schedules/adam_20e.py',
    '../../_base_/default_runtime.py',
]

sources, target = ['D2', 'D3'], ['D1']

model = dict(cls_head=dict(num_classes=8))
train_dataloader = dict(dataset=dict(domains=sources))
val_dataloader = dict(dataset=dict(domains=sources))
test_dataloader = dict(dataset=dict(domains=target, source_domains=sources))
