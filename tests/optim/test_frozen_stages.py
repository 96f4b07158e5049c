# Copyright (c) mmgmp authors.
"""Real encoders, some of which freeze when training starts."""

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.optim import OptimWrapper
from torch import nn

from mmgmp.optim import GMPOptimWrapper
from tests.models.encoders import (
    IN_CHANNELS,
    make_inputs,
    make_samples,
    resnet,
    slowfast,
)

from .test_frozen_modalities import GRANULARITIES, NEUTRAL
from .toy import flat_weights


def recognizer(**backbone):
    torch.manual_seed(2)
    model = MODELS.build(
        dict(
            type='MultimodalRecognizer',
            backbone=dict(type='MultimodalBackbone', **backbone),
            cls_head=dict(type='MultimodalHead'),
            in_channels=IN_CHANNELS,
            num_classes=3,
            num_domains=2,
            objectives=dict(domain=dict(type='DomainAdversarial')),
        )
    )
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


@pytest.mark.parametrize('granularity', GRANULARITIES)
@pytest.mark.parametrize(
    ('stages', 'trainable'),
    [
        # Those of MMAction2 freeze in `train()`, and all layers with 4.
        (dict(video=2, audio=3), {}),
        (dict(video=4, audio=-1), {}),
        (dict(video=-1, audio=-1), dict(audio=[])),
    ],
)
def test_frozen_stages_train_as_with_the_stock_wrapper(
    stages, trainable, granularity
):
    torch.manual_seed(0)
    inputs, weights = make_inputs(), []
    for neutral in (False, True):
        model = recognizer(
            encoders=dict(
                video=slowfast(frozen_stages=stages['video']),
                audio=resnet(frozen_stages=stages['audio']),
            ),
            trainable=trainable,
        ).double()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        wrapper = OptimWrapper(optimizer)
        if neutral:
            wrapper = GMPOptimWrapper(
                optimizer=optimizer, granularity=granularity, **NEUTRAL
            )
        wrapper.initialize_count_status(model, 0, 2)
        model.train()
        for _ in range(2):
            with wrapper.optim_context(model):
                losses = model(
                    {m: x.double() for m, x in inputs.items()},
                    make_samples(),
                    mode='loss',
                )
            wrapper.update_params(model.parse_losses(losses)[0])
        assert neutral is False or wrapper.skipped_steps == 0
        weights.append(flat_weights(model))
    torch.testing.assert_close(*weights, rtol=1e-6, atol=1e-8)
