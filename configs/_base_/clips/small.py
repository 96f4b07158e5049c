# One's own clips with narrow encoders, which are trained from scratch. The
# setting adds the data, see docs/own_data.md.
_base_ = [
    '../datasets/small_pipelines.py',
    '../schedules/adam_8e.py',
    '../default_runtime.py',
]

modalities = _base_.modalities
has_video, has_audio = _base_.has_video, _base_.has_audio

# 8 frames of 2 s at 64 pixels, at any frame rate, and a spectrogram of 1.5 s
# of their sound. A shorter clip is looped.
fps = 24
open_video = dict(type='OpenVideo', in_memory=True, short_side=72)
if not has_video:
    open_video = dict(type='OpenVideo')
sample = [
    dict(type='ResampleFrames', fps=fps),
    dict(type='SampleFrames', clip_len=8, frame_interval=6, num_clips=1),
]
sample_center = [sample[0], dict(sample[1], test_mode=True)]
# tools/data/index_clips.py finds the clips without sound, and they are only in
# the table if they are permitted. They are then read as silence.
sound = [
    dict(type='LoadAudio', sample_rate=16000, allow_silence=True),
    dict(type='AudioSpectrogram', num_samples=24000, nperseg=256, noverlap=16),
] * has_audio
augment = [
    dict(type='RandomCrop', size=64),
    dict(type='Flip', flip_ratio=0.5),
] * has_video + [dict(type='SpectrogramAugment')] * has_audio
crop = [dict(type='CenterCrop', crop_size=64)] * has_video
# After the first epoch, the decoded clips are in memory, up to the limit of
# the cache.
opened = [open_video]
if has_video:
    opened = [dict(type='CachedTransforms', transforms=opened)]
train_pipeline = [
    *opened,
    *sample,
    *_base_.decode,
    *sound,
    *augment,
    *_base_.pack,
]
tested = [
    dict(type='OpenVideo'),
    *sample_center,
    *_base_.decode,
    *[dict(type='Resize', scale=(-1, 72))] * has_video,
    *sound,
    *crop,
]
if has_video:
    tested = [dict(type='CachedTransforms', transforms=tested)]
test_pipeline = [*tested, *_base_.pack]

# Loading in the main process needs only one cache. More workers need
# persistent_workers=True to keep theirs.
loader = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    loader,
    batch_size=16,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        modalities=modalities, split='train', pipeline=train_pipeline
    ),
)
evaluation = dict(
    loader,
    batch_size=32,
    sampler=dict(type='DefaultSampler', shuffle=False),
)
held_out = dict(modalities=modalities, pipeline=test_pipeline, test_mode=True)
# Model selection: the test clips of the source domains.
val_dataloader = dict(evaluation, dataset=dict(held_out, split='test'))
# All clips of the unseen domain.
test_dataloader = dict(evaluation, dataset=dict(held_out, split='all'))
val_evaluator = dict(type='DomainAccMetric')
test_evaluator = val_evaluator

# One's own clips are few, so they are seen more often than those of MiniHAC.
train_cfg = dict(max_epochs=30, val_begin=10, val_interval=2)
param_scheduler = [dict(_base_.param_scheduler[0], end=30, T_max=30)]
