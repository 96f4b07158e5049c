# The same model with a domain discriminator behind a gradient reversal, for
# two source domains.
_base_ = './slowfast-r101_resnet18_slowonly-r50-flow.py'

model = dict(
    objectives=dict(
        domain=dict(
            type='DomainAdversarial',
            num_domains=2,
            in_channels={{_base_.in_channels}},
            reversal_weight=0.3,
            schedule='constant',
            hidden_channels=256,
            unimodal='masked',
        )
    )
)
