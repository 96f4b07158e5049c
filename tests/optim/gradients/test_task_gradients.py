# Copyright (c) mmgmp authors.
"""Gramians and weighted sums on small tensors."""

import pytest
import torch

from mmgmp.optim.gradients.task_gradients import (
    combine,
    gramian,
    inner_product,
)


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


def test_squared_norm_of_a_large_gradient():
    generator = torch.Generator().manual_seed(0)
    gradient = torch.rand(5_000_000, generator=generator)
    exact = torch.dot(gradient.double(), gradient.double())
    assert inner_product([gradient], [gradient]).item() == pytest.approx(
        exact.item(), rel=1e-6
    )


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
