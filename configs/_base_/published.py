# The published protocol of HAC and EPIC-Kitchens: pre-trained encoders whose
# last stage is trained, for 20 epochs. settings/hac.py and
# settings/epic_kitchens.py add the data set.
_base_ = [
    './models/pretrained.py',
    './datasets/published_pipelines.py',
    './schedules/adam_20e.py',
    './default_runtime.py',
]

from mmgmp.utils.setting import choose_modalities

modalities = choose_modalities(
    ('video', 'audio', 'flow'), '{{$MMGMP_MODALITIES:video-audio}}'
)

model = dict(
    modalities=modalities,
    in_channels={m: _base_.widths[m] for m in modalities},
    data_preprocessor=dict(
        preprocessors={m: _base_.preprocessors[m] for m in modalities}
    ),
    backbone=dict(
        encoders={m: _base_.encoders[m] for m in modalities},
        pretrained={m: _base_.pretrained[m] for m in modalities},
        trainable={m: _base_.trainable[m] for m in modalities},
        feature_dropout={m: 0.5 for m in modalities if m != 'audio'},
    ),
)

# The sound follows the sampled frames, so it comes after them; without video
# and flow, the frames are sampled for it and not decoded.
if 'video' in modalities:
    order = ('video', 'audio', 'flow')
elif 'flow' in modalities:
    order = ('flow', 'audio')
else:
    order = ('frames_of_audio', 'audio')
order = [m for m in order if m in (*modalities, 'frames_of_audio')]
pack = dict(_base_.pack, collect_keys=modalities)
train_pipeline = [
    *(t for part in order for t in _base_.train_transforms[part]),
    pack,
]
test_pipeline = [
    *(t for part in order for t in _base_.test_transforms[part]),
    pack,
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
