# Copyright (c) mmgmp authors.
"""Entropy of features: hand-computed values and edge cases."""

import math

import pytest
import torch
from mmaction.registry import MODELS

from mmgmp.models.losses.information_bottleneck_loss import (
    InformationBottleneckLoss,
    gaussian_entropy,
)


def test_hand_computed():
    # Variances 2 and 8.
    x = torch.tensor([[0.0, 5.0], [2.0, 9.0]], dtype=torch.float64)
    expected = 0.5 * (math.log(2 + 1e-5) + math.log(8 + 1e-5))
    assert gaussian_entropy(x).item() == pytest.approx(expected, rel=1e-14)


def test_sum_over_the_modalities_and_their_concatenation():
    features = dict(
        video=torch.randn(7, 3, dtype=torch.float64),
        audio=torch.randn(7, 5, dtype=torch.float64),
    )
    blocks = [*features.values(), torch.cat(list(features.values()), dim=1)]
    variances = [
        ((x - x.mean(0)).square().sum(0) / 6 + 1e-5).log().sum()
        for x in blocks
    ]
    loss = MODELS.build(dict(type='InformationBottleneckLoss', beta=0.3))
    expected = 0.3 / 2 * sum(variances)
    torch.testing.assert_close(loss(features), expected)
    assert InformationBottleneckLoss().beta == 5e-4


def test_dead_feature():
    x = torch.randn(6, 4)
    x[:, 2] = 0
    x.requires_grad_()
    loss = InformationBottleneckLoss(1.0)(dict(video=x))
    loss.backward()
    assert loss.isfinite() and x.grad.isfinite().all()
    assert not x.grad[:, 2].any() and x.grad[:, 1].any()


@pytest.mark.parametrize('rows', [0, 1])
def test_too_few_rows(rows):
    x = torch.full((rows, 4), torch.inf, requires_grad=True)
    loss = InformationBottleneckLoss()(dict(video=x))
    loss.backward()
    assert loss == 0 and not x.grad.any()


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast(dtype):
    # Variances below the smallest float16.
    x = (1e-3 * torch.randn(8, 4)).to(dtype).requires_grad_()
    with torch.autocast('cpu', dtype=dtype):
        entropy = gaussian_entropy(x)
    entropy.backward()
    assert torch.equal(entropy, gaussian_entropy(x.float()))
    assert entropy.dtype == torch.float32 and x.grad.isfinite().all()


def test_negative_weight():
    with pytest.raises(ValueError, match='`beta` must be at least 0, got -1'):
        InformationBottleneckLoss(beta=-1)
