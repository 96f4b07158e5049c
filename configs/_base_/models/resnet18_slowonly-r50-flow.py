# ResNet-18 on audio and SlowOnly R50 on flow.
_base_ = './pretrained_multimodal.py'

in_channels = dict(audio=512, flow=2048)

model = dict(
    data_preprocessor=dict(
        preprocessors=dict(
            audio={{_base_.preprocessors.audio}},
            flow={{_base_.preprocessors.flow}},
        )
    ),
    backbone=dict(
        encoders=dict(
            audio={{_base_.encoders.audio}},
            flow={{_base_.encoders.flow}},
        ),
        pretrained=dict(
            audio={{_base_.pretrained.audio}},
            flow={{_base_.pretrained.flow}},
        ),
        trainable=dict(
            audio={{_base_.trainable.audio}},
            flow={{_base_.trainable.flow}},
        ),
        feature_dropout=dict(flow=0.5),
    ),
    cls_head=dict(in_channels=in_channels),
)
