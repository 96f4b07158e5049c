# Copyright (c) mmgmp authors.
"""DomainAdversarial: reversal, schedule, errors."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS

from mmgmp.models.objectives.gradient_reversal import gradient_reversal
from tests.models.toy import features_batch

IN_CHANNELS = dict(video=5, audio=3)
DOMAINS = torch.tensor([0, 1, 1, 0])


def build(**kwargs):
    cfg = dict(
        type='DomainAdversarial',
        in_channels=IN_CHANNELS,
        num_classes=3,
        num_domains=2,
    )
    return MODELS.build(dict(cfg, **kwargs))


@pytest.fixture
def features():
    return {
        m: torch.randn(4, d, requires_grad=True)
        for m, d in IN_CHANNELS.items()
    }


def test_gradient_reversal_keeps_values_and_turns_gradients():
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    y = gradient_reversal(x, 0.3)
    assert torch.equal(y, x)
    (y * torch.tensor([2.0, 5.0])).sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor([-0.6, -1.5]))


def test_encoders_ascend_and_the_discriminator_descends(features):
    objective = build(reversal_weight=0.3)
    plain = F.cross_entropy(objective.discriminator(features), DOMAINS)
    params = list(objective.parameters())
    expected = torch.autograd.grad(plain, [*features.values(), *params])
    losses = objective(features_batch(features, DOMAINS), None)
    torch.testing.assert_close(losses['loss_domain'], plain)
    actual = torch.autograd.grad(
        losses['loss_domain'], [*features.values(), *params]
    )
    for index, (left, right) in enumerate(zip(actual, expected)):
        sign = -0.3 if index < len(features) else 1.0
        torch.testing.assert_close(left, sign * right)


def test_confidences_are_of_the_modality_alone(features):
    objective = build()
    losses = objective(features_batch(features, DOMAINS), None)
    logits = objective.discriminator.unimodal_logits(features)['audio']
    expected = logits.softmax(1)[torch.arange(4), DOMAINS].mean()
    torch.testing.assert_close(
        losses['domain_confidence.audio'], expected.detach()
    )


def test_auxiliary_layers_have_a_loss(features):
    objective = build(discriminator=dict(unimodal='auxiliary'))
    losses = objective(features_batch(features, DOMAINS), None)
    assert {k for k in losses if 'loss' in k} == {
        'loss_domain',
        'loss_domain.video',
        'loss_domain.audio',
    }


def test_dann_schedule_follows_the_progress(features):
    objective = build(reversal_weight=0.5, schedule='dann')
    weights = [objective.current_weight(x) for x in (0, 0.1, 1)]
    assert weights == pytest.approx(
        [0.0, 0.5 * (2 / (1 + math.exp(-1)) - 1), 0.5], abs=1e-4
    )
    batch = replace(features_batch(features, DOMAINS), progress=0.1)
    constant = build(reversal_weight=weights[1])
    constant.load_state_dict(objective.state_dict())
    gradients = [
        torch.autograd.grad(x(batch, None)['loss_domain'], features['video'])
        for x in (objective, constant)
    ]
    torch.testing.assert_close(*gradients)


def test_discriminator_has_a_hidden_layer_by_default():
    assert build().discriminator.hidden.out_features == 256
    assert build(discriminator={}).discriminator.hidden is None


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(num_domains=1), '`num_domains` .* is 1: .*`--sources`'),
        (dict(num_domains=None), '`num_domains` .* is None: .*`objectives`'),
        (
            dict(discriminator=dict(num_classes=2)),
            r"`discriminator` sets \['num_classes'\]",
        ),
        (dict(reversal_weight=-1), '`reversal_weight`.*-1'),
        (dict(schedule='linear'), "`schedule`.*'linear'"),
    ],
)
def test_wrong_argument_is_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)
