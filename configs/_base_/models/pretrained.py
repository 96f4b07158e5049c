# The model of the published experiments. A setting uses the encoders of its
# modalities.
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
    flow=dict(
        type='ActionDataPreprocessor',
        mean=[128, 128],
        std=[128, 128],
        format_shape='NCTHW',
    ),
)

# Modality -> width of its pooled features.
widths = dict(video=2304, audio=512, flow=2048)

encoders = dict(
    # SlowFast R101 8x8, on 32 frames: 8 in the slow pathway, all in the fast.
    video=dict(
        type='ResNet3dSlowFast',
        resample_rate=4,
        speed_ratio=4,
        channel_ratio=8,
        slow_pathway=dict(
            type='resnet3d',
            depth=101,
            pretrained=None,
            lateral=True,
            fusion_kernel=7,
            conv1_kernel=(1, 7, 7),
            conv1_stride_t=1,
            pool1_stride_t=1,
            inflate=(0, 0, 1, 1),
        ),
        fast_pathway=dict(
            type='resnet3d',
            depth=101,
            pretrained=None,
            lateral=False,
            base_channels=8,
            conv1_kernel=(5, 7, 7),
            conv1_stride_t=1,
            pool1_stride_t=1,
        ),
    ),
    # ResNet-18 on a log-spectrogram.
    audio=dict(
        type='mmpretrain.ResNet',
        depth=18,
        in_channels=1,
        # For ReleasedMultimodalBackbone, whose random layer4 must not start at
        # zero.
        zero_init_residual=False,
    ),
    # SlowOnly R50 8x8 on the two components of optical flow.
    flow=dict(
        type='ResNet3dSlowOnly',
        depth=50,
        pretrained=None,
        lateral=False,
        in_channels=2,
        conv1_kernel=(1, 7, 7),
        conv1_stride_t=1,
        pool1_stride_t=1,
        inflate=(0, 0, 1, 1),
    ),
)

# Weights from Kinetics-400, VGGSound and Kinetics-400; see
# tools/model_converters/README.md.
pretrained = dict(
    video='checkpoints/slowfast_r101_8x8_kinetics400.pth',
    audio='checkpoints/resnet18_vggsound.pth',
    flow='checkpoints/slowonly_r50_8x8_kinetics400_flow.pth',
)

# The rest is frozen, including lateral connections.
trainable = dict(
    video=['slow_path.layer4', 'fast_path.layer4'],
    audio=['layer4'],
    flow=['layer4'],
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
        pretrained={m: pretrained[m] for m in modalities},
        trainable={m: trainable[m] for m in modalities},
        feature_dropout={m: 0.5 for m in modalities if m != 'audio'},
    ),
    cls_head=dict(
        type='MultimodalHead',
        classifier=dict(
            type='FusionClassifier',
            hidden_channels=512,
            dropout_ratio=0.5,
            # The features of the other modalities are set to zero.
            unimodal='masked',
        ),
    ),
)
