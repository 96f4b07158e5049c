# Copyright (c) mmgmp authors.
"""Gramians and weighted sums on small tensors."""

import pytest
import torch

from mmgmp.optim.gradients.task_gradients import (
    accumulate,
    combine,
    gramian,
    inner_product,
)


def test_accumulate_takes_none_for_zero():
    total = [None, torch.ones(2), None]
    accumulate(total, [torch.ones(1), torch.ones(2), None])
    assert total[0].tolist() == [1.0]
    assert total[1].tolist() == [2.0, 2.0]
    assert total[2] is None


def test_accumulate_unties_gradients_that_share_memory():
    a, b, c = (torch.ones(3, requires_grad=True) for _ in range(3))
    total = [None] * 3
    for factor in (1.0, 2.0):
        loss = factor * ((a + b).square().sum() / 2 + c.sum())
        accumulate(total, torch.autograd.grad(loss, [a, b, c]))
    for found, expected in zip(total, (6.0, 6.0, 3.0)):
        assert found.tolist() == pytest.approx([expected] * 3)


def test_gramian_is_that_of_the_concatenated_gradients():
    tasks = [[torch.randn(3, 2), torch.randn(4)] for _ in range(3)]
    flat = torch.stack([torch.cat([g.flatten() for g in t]) for t in tasks])
    torch.testing.assert_close(
        gramian(tasks), flat.double() @ flat.double().T, rtol=1e-6, atol=1e-6
    )


def test_inner_product_with_an_unused_parameter():
    left = [torch.ones(2), None, torch.ones(3)]
    assert inner_product(left, [torch.ones(2), torch.ones(1), None]) == 2
    assert inner_product([None], [torch.ones(1)]) == 0
    assert inner_product([None], [None]) == 0


def test_gramian_of_a_task_without_gradients_is_on_their_device():
    matrix = gramian([[None], [torch.ones(2, device='meta')]])
    assert matrix.device == torch.device('meta')


def test_combine_is_the_weighted_sum():
    tasks = [
        [torch.tensor([1.0, 2.0]), None, None],
        [torch.tensor([3.0, 5.0]), torch.tensor([7.0]), None],
    ]
    combined = combine(tasks, [0.5, -2.0])
    assert combined[0].tolist() == [-5.5, -9.0]
    assert combined[1].tolist() == [-14.0]
    assert combined[2] is None
