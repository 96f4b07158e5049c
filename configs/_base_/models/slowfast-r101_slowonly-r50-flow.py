# SlowFast R101 on video and SlowOnly R50 on flow.
_base_ = './pretrained_multimodal.py'

in_channels = dict(video=2304, flow=2048)

model = dict(
    data_preprocessor=dict(
        preprocessors=dict(
            video={{_base_.preprocessors.video}},
            flow={{_base_.preprocessors.flow}},
        )
    ),
    backbone=dict(
        encoders=dict(
            video={{_base_.encoders.video}},
            flow={{_base_.encoders.flow}},
        ),
        pretrained=dict(
            video={{_base_.pretrained.video}},
            flow={{_base_.pretrained.flow}},
        ),
        trainable=dict(
            video={{_base_.trainable.video}},
            flow={{_base_.trainable.flow}},
        ),
        feature_dropout=dict(video=0.5, flow=0.5),
    ),
    cls_head=dict(in_channels=in_channels),
)
