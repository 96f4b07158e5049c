# Audio and flow.
_base_ = './epic_kitchens.py'

modalities = ('audio', 'flow')
train_pipeline = [
    *_base_.flow_train,
    _base_.load_audio_of_flow,
    *_base_.audio_train,
    dict(_base_.pack, collect_keys=modalities),
]
test_pipeline = [
    *_base_.flow_test,
    _base_.load_audio_of_flow,
    *_base_.audio_test,
    dict(_base_.pack, collect_keys=modalities),
]

train_dataloader = dict(
    dataset=dict(modalities=modalities, pipeline=train_pipeline)
)
val_dataloader = dict(
    dataset=dict(modalities=modalities, pipeline=test_pipeline)
)
test_dataloader = dict(
    dataset=dict(modalities=modalities, pipeline=test_pipeline)
)
