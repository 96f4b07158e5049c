# Narrow encoders for small data: SlowFast-18 on 8 frames (16 channels in the
# slow pathway, 4 in the fast one, small stems), and ResNet-18 on a
# log-spectrogram (16 channels).
_base_ = []

from mmgmp.utils.setting import choose_modalities

preprocessors = dict(
    video=dict(
        type='ActionDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        format_shape='NCTHW',
    ),
    audio=dict(type='ActionDataPreprocessor'),
)

# Modality -> width of its pooled features.
widths = dict(video=160, audio=128)

encoders = dict(
    video=dict(
        type='ResNet3dSlowFast',
        # The slow pathway gets every fourth frame.
        resample_rate=4,
        speed_ratio=4,
        channel_ratio=4,
        slow_pathway=dict(
            type='resnet3d',
            depth=18,
            # Residual branches that start at zero learn too little in such a
            # short run.
            zero_init_residual=False,
            pretrained=None,
            lateral=True,
            base_channels=16,
            conv1_kernel=(1, 5, 5),
            conv1_stride_t=1,
            pool1_stride_t=1,
            inflate=(0, 0, 1, 1),
        ),
        fast_pathway=dict(
            type='resnet3d',
            depth=18,
            zero_init_residual=False,
            pretrained=None,
            lateral=False,
            base_channels=4,
            conv1_kernel=(3, 5, 5),
            conv1_stride_t=1,
            pool1_stride_t=1,
        ),
    ),
    audio=dict(
        type='mmpretrain.ResNet',
        depth=18,
        in_channels=1,
        stem_channels=16,
        base_channels=16,
        zero_init_residual=False,
    ),
)

modalities = choose_modalities(
    tuple(encoders), '{{$MMGMP_MODALITIES:video-audio}}'
)
model = dict(
    type='MultimodalRecognizer',
    modalities=modalities,
    in_channels={m: widths[m] for m in modalities},
    data_preprocessor=dict(
        type='MultiModalDataPreprocessor',
        preprocessors={m: preprocessors[m] for m in modalities},
    ),
    backbone=dict(
        type='MultimodalBackbone',
        encoders={m: encoders[m] for m in modalities},
    ),
    cls_head=dict(
        type='MultimodalHead',
        classifier=dict(
            type='FusionClassifier',
            hidden_channels=256,
            # The features of the other modality are set to zero.
            unimodal='masked',
        ),
    ),
)
