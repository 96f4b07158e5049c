# SlowFast R101 on video and ResNet-18 on audio.
_base_ = './pretrained_multimodal.py'

in_channels = dict(video=2304, audio=512)

model = dict(
    data_preprocessor=dict(
        preprocessors=dict(
            video={{_base_.preprocessors.video}},
            audio={{_base_.preprocessors.audio}},
        )
    ),
    backbone=dict(
        encoders=dict(
            video={{_base_.encoders.video}},
            audio={{_base_.encoders.audio}},
        ),
        pretrained=dict(
            video={{_base_.pretrained.video}},
            audio={{_base_.pretrained.audio}},
        ),
        trainable=dict(
            video={{_base_.trainable.video}},
            audio={{_base_.trainable.audio}},
        ),
        feature_dropout=dict(video=0.5),
    ),
    cls_head=dict(in_channels=in_channels),
)
