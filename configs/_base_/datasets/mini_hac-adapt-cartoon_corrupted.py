# The target's sound and pictures are corrupted, in training and test.
_base_ = './mini_hac-adapt-cartoon.py'

source_data, target_data = _base_.train_dataloader.dataset.datasets
train_dataloader = dict(
    dataset=dict(
        datasets=[
            source_data,
            dict(
                target_data,
                pipeline=[
                    dict(
                        type='CorruptedTarget',
                        transforms=_base_.train_pipeline,
                    )
                ],
            ),
        ]
    )
)
test_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='CorruptedTarget', transforms=_base_.test_pipeline)
        ]
    )
)
