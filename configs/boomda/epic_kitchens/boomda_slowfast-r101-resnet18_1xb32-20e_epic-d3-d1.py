# python tools/train.py configs/boomda/epic_kitchens/boomda_slowfast-r101-resnet18_1xb32-20e_epic-d3-d1.py \
#     --test
_base_ = [
    '../../_base_/models/slowfast-r101_resnet18_boomda.py',
    '../../_base_/datasets/epic_kitchens_video-audio-adapt.py',
    '../../_base_/schedules/adam_20e.py',
    '../../_base_/default_runtime.py',
]

sources, target = ['D3'], ['D1']

model = dict(
    cls_head=dict(num_classes=8),
    objectives=dict(boomda=dict(num_classes=8)),
)
train_dataloader = dict(
    dataset=dict(
        datasets=[
            dict(_base_.labelled, domains=sources),
            dict(_base_.unlabelled, domains=target, source_domains=sources),
        ]
    )
)
val_dataloader = dict(
    dataset=dict(
        datasets=[
            dict(_base_.val_labelled, domains=sources),
            dict(
                _base_.val_unlabelled, domains=target, source_domains=sources
            ),
        ]
    )
)
test_dataloader = dict(dataset=dict(domains=target, source_domains=sources))
