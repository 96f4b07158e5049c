# The pipelines of the published protocols (SimMMDG and its successors), shared
# by HAC and EPIC-Kitchens. The transforms of each modality write their result
# to the key of the modality in the model inputs.

# 32 of 64 consecutive frames: (1, 3, 32, 224, 224). Shorter videos are looped.
rgb_sample = dict(
    type='SampleFrames', clip_len=32, frame_interval=2, num_clips=1
)
# `imgs` remains the frames, which browse_dataset.py of MMAction2 draws.
rgb_format = [
    dict(
        type='KeyMapper',
        transforms=[dict(type='FormatShape', input_format='NCTHW')],
        remapping=dict(imgs='video'),
    )
]
# Only the sampled frames are decoded. For H.264, decoding starts at the key
# frame before them, so clips with frequent key frames are faster to read.
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

# The sound, repeated or cut to 10 s at 16 kHz: (1, 257, 1004). Silent clips
# are kept, as published. `align`, which each data set sets, selects the audio
# segment.
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

# Modality -> its transforms. Audio alone uses the same segment as audio with
# video.
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

# Most of the time of a step is data loading: set num_workers to the cores of
# the machine. Each worker needs about 0.6 GB for Python, and about 0.2 GB for
# two batches with video. Persistent workers avoid a start-up of several
# seconds per epoch.
loader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    # Page-locked memory is faster to copy to a GPU, and cannot be swapped out.
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
