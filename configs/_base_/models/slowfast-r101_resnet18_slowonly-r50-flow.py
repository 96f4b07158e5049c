# SlowFast R101 on video, ResNet-18 on audio and SlowOnly R50 on flow.
_base_ = './pretrained_multimodal.py'

in_channels = dict(video=2304, audio=512, flow=2048)

model = dict(
    data_preprocessor=dict(
        preprocessors=dict(
            video={{_base_.preprocessors.video}},
            audio={{_base_.preprocessors.audio}},
            flow={{_base_.preprocessors.flow}},
        )
    ),
    backbone=dict(
        encoders=dict(
            video={{_base_.encoders.video}},
            audio={{_base_.encoders.audio}},
            flow={{_base_.encoders.flow}},
        ),
        pretrained=dict(
            video={{_base_.pretrained.video}},
            audio={{_base_.pretrained.audio}},
            flow={{_base_.pretrained.flow}},
        ),
        trainable=dict(
            video={{_base_.trainable.video}},
            audio={{_base_.trainable.audio}},
            flow={{_base_.trainable.flow}},
        ),
        feature_dropout=dict(video=0.5, flow=0.5),
    ),
    cls_head=dict(in_channels=in_channels),
)
