# Copyright (c) mmgmp authors.
"""Mean confidence on hand-computed numbers."""

import math

import pytest
import torch

from mmgmp.models.losses import mean_confidence


def test_mean_probability_of_the_true_label():
    logits = torch.tensor([[math.log(3), 0.0], [0.0, 0.0]])
    # Probabilities of the labels: 3/4 and 1/2.
    confidence = mean_confidence(logits.requires_grad_(), torch.tensor([0, 1]))
    assert confidence.item() == pytest.approx((0.75 + 0.5) / 2)
    assert not confidence.requires_grad
