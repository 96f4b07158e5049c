# Two sources are adapted to the unlabelled cartoon.
_base_ = './mini_hac-adapt.py'

sources, target = ['human', 'animal'], ['cartoon']

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
