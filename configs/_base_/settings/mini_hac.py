# MiniHAC: audio-video clips in the layout of HAC, generated on first use.
# Narrow encoders are trained from scratch within a minute.
_base_ = [
    '../datasets/small_pipelines.py',
    '../schedules/adam_8e.py',
    '../default_runtime.py',
]

from mmgmp.utils.setting import choose_domains

dataset = 'mini_hac'
domains = ('human', 'animal', 'cartoon')
num_classes = 7
target, sources = choose_domains(
    domains, '{{$MMGMP_TARGET:cartoon}}', '{{$MMGMP_SOURCES:others}}'
)
modalities = _base_.modalities
data_root = 'data/mini_hac'

# 8 of 43 consecutive frames (1.8 s) at 40 pixels, and a spectrogram of 1.5 s
# of their sound. Audio alone uses the same segment.
has_video, has_audio = _base_.has_video, _base_.has_audio
open_video = dict(type='OpenVideo', in_memory=True, short_side=45)
sample = dict(type='SampleFrames', clip_len=8, frame_interval=6, num_clips=1)
sound = [
    dict(type='LoadAudio', sample_rate=16000),
    dict(type='AudioSpectrogram', num_samples=24000, nperseg=256, noverlap=16),
] * has_audio
augment = [
    dict(type='RandomCrop', size=40),
    dict(type='Flip', flip_ratio=0.5),
] * has_video + [dict(type='SpectrogramAugment')] * has_audio
crop = [dict(type='CenterCrop', crop_size=40)] * has_video
# After the first epoch, the decoded clips are in memory (about 80 MB).
train_pipeline = [
    dict(type='CachedTransforms', transforms=[open_video]),
    sample,
    *_base_.decode,
    *sound,
    *augment,
    *_base_.pack,
]
test_pipeline = [
    dict(
        type='CachedTransforms',
        transforms=[
            open_video,
            dict(sample, test_mode=True),
            *_base_.decode,
            *sound,
            *crop,
        ],
    ),
    *_base_.pack,
]

# Loading in the main process needs only one cache, and on few cores leaves the
# cores to training. More workers need persistent_workers=True to keep their
# caches.
clips = dict(type='MiniHACDataset', data_root=data_root, modalities=modalities)
train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    persistent_workers=False,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(clips, split='train', pipeline=train_pipeline),
)
evaluation = dict(
    batch_size=32,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
)
held_out = dict(clips, pipeline=test_pipeline, test_mode=True)
# Model selection: the test clips of the source domains.
val_dataloader = dict(evaluation, dataset=dict(held_out, split='test'))
# All clips of the unseen domain.
test_dataloader = dict(evaluation, dataset=dict(held_out, split='all'))
val_evaluator = dict(type='DomainAccMetric')
test_evaluator = val_evaluator

# One source has half as many clips, so the same number of iterations takes
# twice as many epochs.
if len(sources) == 1:
    train_cfg = dict(max_epochs=16, val_begin=8, val_interval=4)
    param_scheduler = [dict(_base_.param_scheduler[0], end=16, T_max=16)]
