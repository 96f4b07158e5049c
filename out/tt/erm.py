augment = [
    dict(size=40, type='RandomCrop'),
    dict(flip_ratio=0.5, type='Flip'),
    dict(type='SpectrogramAugment'),
]
clips = dict(
    data_root='data/mini_hac',
    modalities=(
        'video',
        'audio',
    ),
    type='MiniHACDataset',
)
corrupted = False
corruption = dict(
    modalities=[
        'video',
        'audio',
    ],
    type='CorruptedTarget',
)
crop = [
    dict(crop_size=40, type='CenterCrop'),
]
custom_hooks = [
    dict(type='DomainProtocolHook'),
    dict(type='CorruptSampleHook'),
    dict(type='StepSeedHook'),
]
custom_imports = dict(
    allow_failed_imports=False,
    imports=[
        'mmgmp',
    ],
)
data_root = 'data/mini_hac'
dataset = 'mini_hac'
decode = [
    dict(type='DecodeFrames'),
]
default_hooks = dict(
    checkpoint=dict(
        interval=1,
        max_keep_ckpts=1,
        rule='greater',
        save_best='acc/all/fused/top1',
        type='AtomicCheckpointHook',
    ),
    logger=dict(ignore_last=False, interval=5, type='LoggerHook'),
    param_scheduler=dict(type='ParamSchedulerHook'),
    runtime_info=dict(type='RuntimeInfoHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    sync_buffers=dict(type='SyncBuffersHook'),
    timer=dict(type='IterTimerHook'),
)
default_scope = 'mmaction'
domains = (
    'human',
    'animal',
    'cartoon',
)
encoders = dict(
    audio=dict(
        base_channels=16,
        depth=18,
        in_channels=1,
        stem_channels=16,
        type='mmpretrain.ResNet',
        zero_init_residual=False,
    ),
    video=dict(
        channel_ratio=4,
        fast_pathway=dict(
            base_channels=4,
            conv1_kernel=(
                3,
                5,
                5,
            ),
            conv1_stride_t=1,
            depth=18,
            lateral=False,
            pool1_stride_t=1,
            pretrained=None,
            type='resnet3d',
            zero_init_residual=False,
        ),
        resample_rate=4,
        slow_pathway=dict(
            base_channels=16,
            conv1_kernel=(
                1,
                5,
                5,
            ),
            conv1_stride_t=1,
            depth=18,
            inflate=(
                0,
                0,
                1,
                1,
            ),
            lateral=True,
            pool1_stride_t=1,
            pretrained=None,
            type='resnet3d',
            zero_init_residual=False,
        ),
        speed_ratio=4,
        type='ResNet3dSlowFast',
    ),
)
env_cfg = dict(
    cudnn_benchmark=False,
    dist_cfg=dict(backend='nccl'),
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    setting='mini_hac_video-audio_human-animal_to_cartoon',
)
evaluation = dict(
    batch_size=32,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(shuffle=False, type='DefaultSampler'),
)
has_audio = True
has_video = True
held_out = dict(
    data_root='data/mini_hac',
    modalities=(
        'video',
        'audio',
    ),
    pipeline=[
        dict(
            transforms=[
                dict(in_memory=True, short_side=45, type='OpenVideo'),
                dict(
                    clip_len=8,
                    frame_interval=6,
                    num_clips=1,
                    test_mode=True,
                    type='SampleFrames',
                ),
                dict(type='DecodeFrames'),
                dict(sample_rate=16000, type='LoadAudio'),
                dict(
                    noverlap=16,
                    nperseg=256,
                    num_samples=24000,
                    type='AudioSpectrogram',
                ),
                dict(crop_size=40, type='CenterCrop'),
            ],
            type='CachedTransforms',
        ),
        dict(input_format='NCTHW', type='FormatShape'),
        dict(type='FormatSpectrogram'),
        dict(
            remapping=dict(audios='audio', imgs='video'),
            transforms=[],
            type='KeyMapper',
        ),
        dict(
            algorithm_keys=('domain',),
            collect_keys=(
                'video',
                'audio',
            ),
            meta_keys=(
                'filename',
                'domain_name',
            ),
            type='PackActionInputs',
        ),
    ],
    test_mode=True,
    type='MiniHACDataset',
)
keys = dict(audio='audios', video='imgs')
launcher = 'none'
load_from = None
log_level = 'INFO'
log_processor = dict(by_epoch=True, type='LogProcessor', window_size=20)
modalities = (
    'video',
    'audio',
)
modalities_with_noise = [
    'video',
    'audio',
]
model = dict(
    backbone=dict(
        encoders=dict(
            audio=dict(
                base_channels=16,
                depth=18,
                in_channels=1,
                stem_channels=16,
                type='mmpretrain.ResNet',
                zero_init_residual=False,
            ),
            video=dict(
                channel_ratio=4,
                fast_pathway=dict(
                    base_channels=4,
                    conv1_kernel=(
                        3,
                        5,
                        5,
                    ),
                    conv1_stride_t=1,
                    depth=18,
                    lateral=False,
                    pool1_stride_t=1,
                    pretrained=None,
                    type='resnet3d',
                    zero_init_residual=False,
                ),
                resample_rate=4,
                slow_pathway=dict(
                    base_channels=16,
                    conv1_kernel=(
                        1,
                        5,
                        5,
                    ),
                    conv1_stride_t=1,
                    depth=18,
                    inflate=(
                        0,
                        0,
                        1,
                        1,
                    ),
                    lateral=True,
                    pool1_stride_t=1,
                    pretrained=None,
                    type='resnet3d',
                    zero_init_residual=False,
                ),
                speed_ratio=4,
                type='ResNet3dSlowFast',
            ),
        ),
        type='MultimodalBackbone',
    ),
    cls_head=dict(
        classifier=dict(
            hidden_channels=256, type='FusionClassifier', unimodal='masked'
        ),
        type='MultimodalHead',
    ),
    data_preprocessor=dict(
        preprocessors=dict(
            audio=dict(type='ActionDataPreprocessor'),
            video=dict(
                format_shape='NCTHW',
                mean=[
                    123.675,
                    116.28,
                    103.53,
                ],
                std=[
                    58.395,
                    57.12,
                    57.375,
                ],
                type='ActionDataPreprocessor',
            ),
        ),
        type='MultiModalDataPreprocessor',
    ),
    in_channels=dict(audio=128, video=160),
    modalities=(
        'video',
        'audio',
    ),
    num_classes=7,
    num_domains=2,
    type='MultimodalRecognizer',
)
num_classes = 7
open_video = dict(in_memory=True, short_side=45, type='OpenVideo')
optim_wrapper = dict(
    optimizer=dict(lr=0.001, type='Adam'), type='OptimWrapper'
)
pack = [
    dict(input_format='NCTHW', type='FormatShape'),
    dict(type='FormatSpectrogram'),
    dict(
        remapping=dict(audios='audio', imgs='video'),
        transforms=[],
        type='KeyMapper',
    ),
    dict(
        algorithm_keys=('domain',),
        collect_keys=(
            'video',
            'audio',
        ),
        meta_keys=(
            'filename',
            'domain_name',
        ),
        type='PackActionInputs',
    ),
]
param_scheduler = [
    dict(
        T_max=8,
        begin=0,
        by_epoch=True,
        convert_to_iter_based=True,
        end=8,
        eta_min=1e-05,
        type='CosineAnnealingLR',
    ),
]
preprocessors = dict(
    audio=dict(type='ActionDataPreprocessor'),
    video=dict(
        format_shape='NCTHW',
        mean=[
            123.675,
            116.28,
            103.53,
        ],
        std=[
            58.395,
            57.12,
            57.375,
        ],
        type='ActionDataPreprocessor',
    ),
)
randomness = dict(deterministic=False, seed=0)
resume = False
sample = dict(clip_len=8, frame_interval=6, num_clips=1, type='SampleFrames')
setting = 'mini_hac_video-audio_human-animal_to_cartoon'
sound = [
    dict(sample_rate=16000, type='LoadAudio'),
    dict(noverlap=16, nperseg=256, num_samples=24000, type='AudioSpectrogram'),
]
sources = [
    'human',
    'animal',
]
target = 'cartoon'
target_pipeline = [
    dict(
        transforms=[
            dict(in_memory=True, short_side=45, type='OpenVideo'),
            dict(
                clip_len=8,
                frame_interval=6,
                num_clips=1,
                test_mode=True,
                type='SampleFrames',
            ),
            dict(type='DecodeFrames'),
            dict(sample_rate=16000, type='LoadAudio'),
            dict(
                noverlap=16,
                nperseg=256,
                num_samples=24000,
                type='AudioSpectrogram',
            ),
            dict(crop_size=40, type='CenterCrop'),
        ],
        type='CachedTransforms',
    ),
    dict(input_format='NCTHW', type='FormatShape'),
    dict(type='FormatSpectrogram'),
    dict(
        remapping=dict(audios='audio', imgs='video'),
        transforms=[],
        type='KeyMapper',
    ),
    dict(
        algorithm_keys=('domain',),
        collect_keys=(
            'video',
            'audio',
        ),
        meta_keys=(
            'filename',
            'domain_name',
        ),
        type='PackActionInputs',
    ),
]
test_cfg = dict(type='TestLoop')
test_dataloader = dict(
    batch_size=32,
    dataset=dict(
        data_root='data/mini_hac',
        domains=[
            'cartoon',
        ],
        indices=32,
        modalities=(
            'video',
            'audio',
        ),
        pipeline=[
            dict(
                transforms=[
                    dict(in_memory=True, short_side=45, type='OpenVideo'),
                    dict(
                        clip_len=8,
                        frame_interval=6,
                        num_clips=1,
                        test_mode=True,
                        type='SampleFrames',
                    ),
                    dict(type='DecodeFrames'),
                    dict(sample_rate=16000, type='LoadAudio'),
                    dict(
                        noverlap=16,
                        nperseg=256,
                        num_samples=24000,
                        type='AudioSpectrogram',
                    ),
                    dict(crop_size=40, type='CenterCrop'),
                ],
                type='CachedTransforms',
            ),
            dict(input_format='NCTHW', type='FormatShape'),
            dict(type='FormatSpectrogram'),
            dict(
                remapping=dict(audios='audio', imgs='video'),
                transforms=[],
                type='KeyMapper',
            ),
            dict(
                algorithm_keys=('domain',),
                collect_keys=(
                    'video',
                    'audio',
                ),
                meta_keys=(
                    'filename',
                    'domain_name',
                ),
                type='PackActionInputs',
            ),
        ],
        source_domains=[
            'human',
            'animal',
        ],
        split='all',
        test_mode=True,
        type='MiniHACDataset',
    ),
    num_workers=0,
    persistent_workers=False,
    sampler=dict(shuffle=False, type='DefaultSampler'),
)
test_evaluator = [
    "{'type':'DomainAccMetric'}",
    "{'type':'ConfusionMatrix'}",
    "{'type':'AccMetric'}",
]
test_pipeline = [
    dict(
        transforms=[
            dict(in_memory=True, short_side=45, type='OpenVideo'),
            dict(
                clip_len=8,
                frame_interval=6,
                num_clips=1,
                test_mode=True,
                type='SampleFrames',
            ),
            dict(type='DecodeFrames'),
            dict(sample_rate=16000, type='LoadAudio'),
            dict(
                noverlap=16,
                nperseg=256,
                num_samples=24000,
                type='AudioSpectrogram',
            ),
            dict(crop_size=40, type='CenterCrop'),
        ],
        type='CachedTransforms',
    ),
    dict(input_format='NCTHW', type='FormatShape'),
    dict(type='FormatSpectrogram'),
    dict(
        remapping=dict(audios='audio', imgs='video'),
        transforms=[],
        type='KeyMapper',
    ),
    dict(
        algorithm_keys=('domain',),
        collect_keys=(
            'video',
            'audio',
        ),
        meta_keys=(
            'filename',
            'domain_name',
        ),
        type='PackActionInputs',
    ),
]
train_cfg = dict(
    max_epochs=1, type='EpochBasedTrainLoop', val_begin=1, val_interval=1
)
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        data_root='data/mini_hac',
        domains=[
            'human',
            'animal',
        ],
        indices=32,
        modalities=(
            'video',
            'audio',
        ),
        pipeline=[
            dict(
                transforms=[
                    dict(in_memory=True, short_side=45, type='OpenVideo'),
                ],
                type='CachedTransforms',
            ),
            dict(
                clip_len=8, frame_interval=6, num_clips=1, type='SampleFrames'
            ),
            dict(type='DecodeFrames'),
            dict(sample_rate=16000, type='LoadAudio'),
            dict(
                noverlap=16,
                nperseg=256,
                num_samples=24000,
                type='AudioSpectrogram',
            ),
            dict(size=40, type='RandomCrop'),
            dict(flip_ratio=0.5, type='Flip'),
            dict(type='SpectrogramAugment'),
            dict(input_format='NCTHW', type='FormatShape'),
            dict(type='FormatSpectrogram'),
            dict(
                remapping=dict(audios='audio', imgs='video'),
                transforms=[],
                type='KeyMapper',
            ),
            dict(
                algorithm_keys=('domain',),
                collect_keys=(
                    'video',
                    'audio',
                ),
                meta_keys=(
                    'filename',
                    'domain_name',
                ),
                type='PackActionInputs',
            ),
        ],
        split='train',
        type='MiniHACDataset',
    ),
    drop_last=True,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(shuffle=True, type='DefaultSampler'),
)
train_pipeline = [
    dict(
        transforms=[
            dict(in_memory=True, short_side=45, type='OpenVideo'),
        ],
        type='CachedTransforms',
    ),
    dict(clip_len=8, frame_interval=6, num_clips=1, type='SampleFrames'),
    dict(type='DecodeFrames'),
    dict(sample_rate=16000, type='LoadAudio'),
    dict(noverlap=16, nperseg=256, num_samples=24000, type='AudioSpectrogram'),
    dict(size=40, type='RandomCrop'),
    dict(flip_ratio=0.5, type='Flip'),
    dict(type='SpectrogramAugment'),
    dict(input_format='NCTHW', type='FormatShape'),
    dict(type='FormatSpectrogram'),
    dict(
        remapping=dict(audios='audio', imgs='video'),
        transforms=[],
        type='KeyMapper',
    ),
    dict(
        algorithm_keys=('domain',),
        collect_keys=(
            'video',
            'audio',
        ),
        meta_keys=(
            'filename',
            'domain_name',
        ),
        type='PackActionInputs',
    ),
]
val_cfg = dict(type='ValLoop')
val_dataloader = dict(
    batch_size=32,
    dataset=dict(
        data_root='data/mini_hac',
        domains=[
            'human',
            'animal',
        ],
        indices=32,
        modalities=(
            'video',
            'audio',
        ),
        pipeline=[
            dict(
                transforms=[
                    dict(in_memory=True, short_side=45, type='OpenVideo'),
                    dict(
                        clip_len=8,
                        frame_interval=6,
                        num_clips=1,
                        test_mode=True,
                        type='SampleFrames',
                    ),
                    dict(type='DecodeFrames'),
                    dict(sample_rate=16000, type='LoadAudio'),
                    dict(
                        noverlap=16,
                        nperseg=256,
                        num_samples=24000,
                        type='AudioSpectrogram',
                    ),
                    dict(crop_size=40, type='CenterCrop'),
                ],
                type='CachedTransforms',
            ),
            dict(input_format='NCTHW', type='FormatShape'),
            dict(type='FormatSpectrogram'),
            dict(
                remapping=dict(audios='audio', imgs='video'),
                transforms=[],
                type='KeyMapper',
            ),
            dict(
                algorithm_keys=('domain',),
                collect_keys=(
                    'video',
                    'audio',
                ),
                meta_keys=(
                    'filename',
                    'domain_name',
                ),
                type='PackActionInputs',
            ),
        ],
        split='test',
        test_mode=True,
        type='MiniHACDataset',
    ),
    num_workers=0,
    persistent_workers=False,
    sampler=dict(shuffle=False, type='DefaultSampler'),
)
val_evaluator = [
    "{'type':'DomainAccMetric'}",
    "{'type':'ConfusionMatrix'}",
    "{'type':'AccMetric'}",
]
vis_backends = [
    dict(type='LocalVisBackend'),
]
visualizer = dict(
    type='ActionVisualizer',
    vis_backends=[
        dict(type='LocalVisBackend'),
    ],
)
widths = dict(audio=128, video=160)
work_dir = 'out/tt'
