# Copyright (c) mmgmp authors.
"""UnimodalDomainAdversarial: losses and reversal."""

import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS

from tests.models.toy import features_batch

IN_CHANNELS = dict(video=5, audio=3)
DOMAINS = torch.tensor([0, 1, 1, 0, 1, 0])


def build(**kwargs):
    cfg = dict(
        type='UnimodalDomainAdversarial',
        in_channels=IN_CHANNELS,
        num_classes=3,
        num_domains=2,
        projection_channels=8,
        hidden_channels=7,
        dropout_ratio=0.0,
    )
    return MODELS.build(dict(cfg, **kwargs))


@pytest.fixture
def features():
    return {
        m: torch.randn(6, d, requires_grad=True)
        for m, d in IN_CHANNELS.items()
    }


def naive_logits(objective, modality, feature):
    """Discriminator in training mode, by basic operations."""
    linear = objective.projections[modality][0]
    projected = (feature @ linear.weight.T + linear.bias).clamp(min=0)
    first, _, _, last = objective.discriminator
    hidden = projected @ first.weight.T + first.bias
    centered = hidden - hidden.mean(0)
    variance = centered.square().mean(0)
    hidden = (centered / (variance + 1e-5).sqrt()).clamp(min=0)
    return hidden @ last.weight.T + last.bias


def test_losses_and_confidences_are_of_each_modality_alone(features):
    objective = build(loss_weight=0.5)
    losses = objective(features_batch(features, DOMAINS), None)
    assert set(losses) == {
        'loss_domain.video',
        'loss_domain.audio',
        'domain_confidence.video',
        'domain_confidence.audio',
    }
    for modality, feature in features.items():
        logits = naive_logits(objective, modality, feature)
        torch.testing.assert_close(
            losses[f'loss_domain.{modality}'],
            0.5 * F.cross_entropy(logits, DOMAINS),
        )
        confidence = logits.softmax(1)[torch.arange(6), DOMAINS].mean()
        actual = losses[f'domain_confidence.{modality}']
        torch.testing.assert_close(actual, confidence.detach())
        assert not actual.requires_grad


def test_encoders_ascend_and_the_discriminator_descends(features):
    objective = build(reversal_weight=0.3, loss_weight=0.5)
    losses = objective(features_batch(features, DOMAINS), None)
    for modality, feature in features.items():
        params = [
            *objective.projections[modality].parameters(),
            *objective.discriminator.parameters(),
        ]
        plain = F.cross_entropy(
            naive_logits(objective, modality, feature), DOMAINS
        )
        # The naive version omits the gain and shift of the BatchNorm.
        used = [p for p in params if p.ndim == 2]
        expected = torch.autograd.grad(plain, [feature, *used])
        actual = torch.autograd.grad(
            losses[f'loss_domain.{modality}'], [feature, *used]
        )
        for index, (left, right) in enumerate(zip(actual, expected)):
            factor = 0.5 if index else -0.3 * 0.5
            torch.testing.assert_close(left, factor * right)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(num_domains=1), '`num_domains` .* is 1: .*`--sources`'),
        (dict(reversal_weight=-1), '`reversal_weight`.*-1'),
        (dict(loss_weight=0), '`loss_weight` must be above 0, got 0'),
    ],
)
def test_wrong_argument_is_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)
