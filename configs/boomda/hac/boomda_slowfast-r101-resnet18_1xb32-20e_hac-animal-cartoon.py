# python tools/train.py configs/boomda/hac/boomda_slowfast-r101-resnet18_1xb32-20e_hac-animal-cartoon.py \
#     --test
_base_ = [
    '../../_base_/models/slowfast-r101_resnet18_boomda.py',
    '../../_base_/datasets/hac_video-audio-adapt.py',
    '../../_base_/schedules/adam_20e.py',
    '../../_base_/default_runtime.py',
]

sources, target = ['animal'], ['cartoon']

model = dict(
    cls_head=dict(num_classes=7),
    objectives=dict(boomda=dict(num_classes=7)),
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
