# MiniHAC: generated audio-video clips in the layout of HAC. The folder is
# made on first use. A target is chosen by mini_hac-<target>.py.
dataset_type = 'MiniHACDataset'
data_root = 'data/mini_hac'

# 8 of 43 consecutive frames (1.8 s), 40 pixels; spectrogram of 1.5 s.
sample = dict(type='SampleFrames', clip_len=8, frame_interval=6, num_clips=1)
audio = [
    dict(type='LoadAudio', sample_rate=16000),
    dict(type='AudioSpectrogram', num_samples=24000, nperseg=256, noverlap=16),
]
pack = [
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='FormatSpectrogram'),
    dict(
        type='KeyMapper',
        transforms=[],
        remapping=dict(imgs='video', audios='audio'),
    ),
    dict(
        type='PackActionInputs',
        collect_keys=('video', 'audio'),
        algorithm_keys=('domain',),
        meta_keys=('filename', 'domain_name'),
    ),
]
# The decoded clips stay in memory (about 80 MB) after the first epoch.
train_pipeline = [
    dict(
        type='CachedTransforms',
        transforms=[dict(type='LoadVideo', short_side=45)],
    ),
    sample,
    dict(type='SelectFrames'),
    *audio,
    dict(type='RandomCrop', size=40),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='SpectrogramAugment'),
    *pack,
]
test_pipeline = [
    dict(
        type='CachedTransforms',
        transforms=[
            dict(type='LoadVideo', short_side=45),
            dict(sample, test_mode=True),
            dict(type='SelectFrames'),
            *audio,
            dict(type='CenterCrop', crop_size=40),
        ],
    ),
    *pack,
]

# Loading in the main process keeps one cache and, on few cores, the cores for
# training; more workers need persistent_workers=True to keep their caches.
train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    persistent_workers=False,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='train',
        pipeline=train_pipeline,
    ),
)
evaluation = dict(
    batch_size=32,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
)
held_out = dict(
    type=dataset_type,
    data_root=data_root,
    pipeline=test_pipeline,
    test_mode=True,
)
# Model selection: the test clips of the source domains.
val_dataloader = dict(evaluation, dataset=dict(held_out, split='test'))
# The unseen domain, all of its clips.
test_dataloader = dict(evaluation, dataset=dict(held_out, split='all'))
val_evaluator = dict(type='DomainAccMetric')
test_evaluator = val_evaluator
