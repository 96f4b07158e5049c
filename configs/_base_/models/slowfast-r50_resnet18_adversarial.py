# SlowFast R50 in place of R101.
_base_ = './slowfast-r101_resnet18_adversarial.py'

model = dict(
    backbone=dict(
        encoders=dict(
            video=dict(
                slow_pathway=dict(depth=50), fast_pathway=dict(depth=50)
            )
        ),
        pretrained=dict(video='checkpoints/slowfast_r50_8x8_kinetics400.pth'),
    )
)
