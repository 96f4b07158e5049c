# Video and audio.
_base_ = './epic_kitchens.py'

modalities = ('video', 'audio')
train_pipeline = [
    *_base_.rgb_train,
    _base_.load_audio,
    *_base_.audio_train,
    dict(_base_.pack, collect_keys=modalities),
]
test_pipeline = [
    *_base_.rgb_test,
    _base_.load_audio,
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
