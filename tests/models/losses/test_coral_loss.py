# Copyright (c) mmgmp authors.
"""The registered CORAL: its scale, its centring and small batches."""

import pytest
import torch
from mmaction.registry import MODELS

from mmgmp.models.losses import CoralLoss

SOURCE = torch.tensor([[0.0, 1.0], [2.0, 1.0]])
TARGET = torch.tensor([[5.0, 1.0], [9.0, 1.0], [7.0, 1.0]])


def test_hand_computed():
    # Variances 2 and 4 in one column, a constant in the other.
    loss = MODELS.build(dict(type='CoralLoss'))(SOURCE, TARGET)
    assert loss.item() == pytest.approx(4)
    loss = CoralLoss(scale='dim')(SOURCE, TARGET)
    assert loss.item() == pytest.approx(4 / 16)
    # Less the outer product of the means, (1, 1) and (7, 1).
    expected = (4 + 49 - 2 - 1) ** 2 + 2 * (7 - 1) ** 2
    found = CoralLoss(center=False)(SOURCE, TARGET)
    assert found.item() == pytest.approx(expected)


def test_same_domain():
    source = TARGET.clone().requires_grad_()
    loss = CoralLoss()(source, TARGET)
    loss.backward()
    assert loss == 0 and not source.grad.any()


@pytest.mark.parametrize('rows', [(1, 5), (5, 1), (0, 5), (5, 0), (1, 1)])
def test_too_few_rows(rows):
    source, target = (
        torch.full((n, 3), torch.inf, requires_grad=True) for n in rows
    )
    loss = CoralLoss()(source, target)
    loss.backward()
    assert loss == 0
    assert not source.grad.any() and not target.grad.any()


def test_unknown_scale():
    with pytest.raises(ValueError, match="`scale` must be.*got 'width'"):
        CoralLoss(scale='width')
