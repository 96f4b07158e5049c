# Copyright (c) mmgmp authors.
"""DomainAdversarial: reversal, schedule, errors."""

import math

import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.logging import MessageHub

from mmgmp.models.objectives import gradient_reversal

IN_CHANNELS = dict(video=5, audio=3)
DOMAINS = torch.tensor([0, 1, 1, 0])


def build(**kwargs):
    cfg = dict(
        type='DomainAdversarial', num_domains=2, in_channels=IN_CHANNELS
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
    losses = objective(features, None, None, DOMAINS)
    torch.testing.assert_close(losses['loss_domain'], plain)
    actual = torch.autograd.grad(
        losses['loss_domain'], [*features.values(), *params]
    )
    for index, (left, right) in enumerate(zip(actual, expected)):
        sign = -0.3 if index < len(features) else 1.0
        torch.testing.assert_close(left, sign * right)


def test_confidences_are_of_the_modality_alone(features):
    objective = build()
    losses = objective(features, None, None, DOMAINS)
    logits = objective.discriminator.unimodal_logits(features)['audio']
    expected = logits.softmax(1)[torch.arange(4), DOMAINS].mean()
    torch.testing.assert_close(
        losses['domain_confidence.audio'], expected.detach()
    )


def test_auxiliary_layers_have_a_loss(features):
    losses = build(unimodal='auxiliary')(features, None, None, DOMAINS)
    assert {k for k in losses if 'loss' in k} == {
        'loss_domain',
        'video_loss_domain',
        'audio_loss_domain',
    }


def test_dann_schedule_follows_the_iteration_of_the_runner():
    objective = build(reversal_weight=0.5, schedule='dann')
    hub = MessageHub.get_current_instance()
    hub.update_info('max_iters', 200)
    weights = []
    for iteration in (0, 20, 200):
        hub.update_info('iter', iteration)
        weights.append(objective.current_weight())
    assert weights == pytest.approx(
        [0.0, 0.5 * (2 / (1 + math.exp(-1)) - 1), 0.5], abs=1e-4
    )
    assert build(reversal_weight=0.5).current_weight() == 0.5


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(num_domains=1), '`num_domains`.*got 1.*single source domain'),
        (dict(reversal_weight=-1), '`reversal_weight`.*-1'),
        (dict(schedule='linear'), "`schedule`.*'linear'"),
    ],
)
def test_wrong_argument_is_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)
