# The target's sound and pictures are corrupted, in training and test.
_base_ = './mini_hac-adapt-animal.py'

train_parts = _base_.train_dataloader.dataset.datasets
val_parts = _base_.val_dataloader.dataset.datasets
corrupted_train = dict(
    type='CorruptedTarget', transforms=_base_.train_pipeline
)
corrupted_test = dict(type='CorruptedTarget', transforms=_base_.test_pipeline)

train_dataloader = dict(
    dataset=dict(
        datasets=[
            train_parts[0],
            dict(train_parts[1], pipeline=[corrupted_train]),
        ]
    )
)
val_dataloader = dict(
    dataset=dict(
        datasets=[
            val_parts[0],
            dict(val_parts[1], pipeline=[corrupted_test]),
        ]
    )
)
test_dataloader = dict(dataset=dict(pipeline=[corrupted_test]))
