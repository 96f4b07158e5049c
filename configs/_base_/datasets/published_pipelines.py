# The pipelines of the published protocols (SimMMDG and its successors), which
# HAC and EPIC-Kitchens share. The transforms of a modality end in its key of the
# model inputs.

# 32 of 64 consecutive frames: (1, 3, 32, 224, 224). Shorter videos wrap.
rgb_sample = dict(
    type='SampleFrames', clip_len=32, frame_interval=2, num_clips=1
)
rgb_format = [
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='KeyMapper', transforms=[], remapping=dict(imgs='video')),
]
# Only the sampled frames are decoded. On H.264 clips this goes from the key
# frame before them: short distances between key frames make reading faster.
rgb_train = [
    dict(type='OpenVideo'),
    rgb_sample,
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(-1, 256)),
    dict(type='RandomResizedCrop', area_range=(0.08, 1.0)),
    dict(type='Resize', scale=(224, 224), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
    *rgb_format,
]
# Validation and test: one centred clip and crop.
rgb_test = [
    dict(type='OpenVideo'),
    dict(rgb_sample, test_mode=True),
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(-1, 256)),
    dict(type='CenterCrop', crop_size=224),
    *rgb_format,
]

# 8 of 32 consecutive frames, sampled, cropped and flipped independently of
# RGB: (1, 2, 8, 224, 224) in training, (1, 2, 8, 256, 256) in tests.
flow_sample = dict(
    type='SampleFrames', clip_len=8, frame_interval=4, num_clips=1
)
flow_train = [
    dict(
        type='FlowBranch',
        transforms=[
            dict(type='OpenFlow'),
            flow_sample,
            dict(type='DecodeFrames'),
            dict(type='Resize', scale=(-1, 256)),
            dict(type='RandomResizedCrop', area_range=(0.08, 1.0)),
            dict(type='Resize', scale=(224, 224), keep_ratio=False),
            dict(type='FlipFlow', flip_ratio=0.5),
            dict(type='FormatShape', input_format='NCTHW'),
        ],
    )
]
flow_test = [
    dict(
        type='FlowBranch',
        transforms=[
            dict(type='OpenFlow'),
            dict(flow_sample, test_mode=True),
            dict(type='DecodeFrames'),
            dict(type='Resize', scale=(-1, 256)),
            dict(type='CenterCrop', crop_size=256),
            dict(type='FormatShape', input_format='NCTHW'),
        ],
    )
]

# The sound, repeated or cut to 10 s at 16 kHz: (1, 257, 1004). Silent clips are
# kept, as published. A data set says by `align` which seconds it takes.
load_audio = dict(type='LoadAudio', allow_silence=True)
audio_format = [
    dict(type='FormatSpectrogram'),
    dict(type='KeyMapper', transforms=[], remapping=dict(audios='audio')),
]
audio_train = [
    load_audio,
    dict(type='AudioSpectrogram'),
    dict(type='SpectrogramAugment'),
    *audio_format,
]
audio_test = [load_audio, dict(type='AudioSpectrogram'), *audio_format]

# Modality -> its transforms. Sound without pictures has the seconds that it has
# with them.
train_transforms = dict(
    video=rgb_train,
    audio=audio_train,
    flow=flow_train,
    frames_of_audio=rgb_train[:2],
)
test_transforms = dict(
    video=rgb_test,
    audio=audio_test,
    flow=flow_test,
    frames_of_audio=rgb_test[:2],
)

pack = dict(
    type='PackActionInputs',
    algorithm_keys=('domain',),
    meta_keys=('filename', 'domain_name'),
)

# Loading is most of the work of a step: give it the cores that the machine
# has. Each worker holds two batches (about 0.2 GB with video) and about 0.6 GB
# of Python; workers that persist spare the seconds that each start takes.
loader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    # Page-locked memory: faster copies to a GPU, memory that cannot be
    # swapped out.
    pin_memory=True,
)
evaluation = dict(
    loader,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(split='test', test_mode=True),
)
train_dataloader = dict(
    loader,
    # As published. A last batch of one sample would fail in batch norm.
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(split='train'),
)
# Model selection: the test clips of the source domains.
val_dataloader = evaluation
# The unseen domain.
test_dataloader = evaluation
val_evaluator = dict(type='DomainAccMetric')
test_evaluator = val_evaluator
