# The published protocol of HAC and EPIC-Kitchens: the last stage of
# pre-trained encoders is trained for 20 epochs. settings/hac.py and
# settings/epic_kitchens.py add the data set.
_base_ = [
    './models/pretrained.py',
    './datasets/published_pipelines.py',
    './schedules/adam_20e.py',
    './default_runtime.py',
]

# The audio segment is aligned with the sampled frames, so audio comes after
# them. Without video and flow, frames are sampled for this purpose but not
# decoded.
if 'video' in _base_.modalities:
    order = ('video', 'audio', 'flow')
elif 'flow' in _base_.modalities:
    order = ('flow', 'audio')
else:
    order = ('frames_of_audio', 'audio')
order = [m for m in order if m in (*_base_.modalities, 'frames_of_audio')]
pack = dict(_base_.pack, collect_keys=_base_.modalities)
train_pipeline = [
    *(t for part in order for t in _base_.train_transforms[part]),
    pack,
]
test_pipeline = [
    *(t for part in order for t in _base_.test_transforms[part]),
    pack,
]

train_dataloader = dict(
    dataset=dict(modalities=_base_.modalities, pipeline=train_pipeline)
)
val_dataloader = dict(
    dataset=dict(modalities=_base_.modalities, pipeline=test_pipeline)
)
test_dataloader = dict(
    dataset=dict(modalities=_base_.modalities, pipeline=test_pipeline)
)
