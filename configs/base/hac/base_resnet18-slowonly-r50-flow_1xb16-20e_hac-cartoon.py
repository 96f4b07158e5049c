# python tools/train.py configs/base/hac/base_resnet18-slowonly-r50-flow_1xb16-20e_hac-cartoon.py \
#     --test
_base_ = [
    '../../_base_/models/resnet18_slowonly-r50-flow_adversarial.py',
    '../../_base_/datasets/hac_audio-flow.py',
    '../../_base_/schedules/adam_20e.py',
    '../../_base_/default_runtime.py',
]

sources, target = ['human', 'animal'], ['cartoon']

model = dict(cls_head=dict(num_classes=7))
train_dataloader = dict(dataset=dict(domains=sources))
val_dataloader = dict(dataset=dict(domains=sources))
test_dataloader = dict(dataset=dict(domains=target, source_domains=sources))
