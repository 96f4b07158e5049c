# Copyright (c) mmgmp authors.
"""Task losses, Gramians and weighted sums on small tensors."""

import pytest
import torch

from mmgmp.optim.task_gradients import (
    accumulate,
    combine,
    gramian,
    group_losses,
    inner_product,
)

TASKS = dict(semantic=['loss_cls', 'loss_con'], domain=['loss_domain'])


def make_losses(**kwargs):
    return dict(
        loss_cls=torch.tensor([1.0, 3.0]),
        loss_con=[torch.tensor(1.0), torch.tensor([2.0, 4.0])],
        loss_domain=torch.tensor(0.5),
        confidence=torch.tensor(0.3),
        **kwargs,
    )


def test_group_losses_reduces_as_mmengine_does():
    from mmengine.model import BaseModel

    total, _ = BaseModel.parse_losses(None, make_losses())
    grouped = group_losses(make_losses(), TASKS)
    assert {t: v.item() for t, v in grouped.items()} == dict(
        semantic=6.0, domain=0.5
    )
    assert list(grouped) == ['semantic', 'domain']
    assert sum(grouped.values()) == total


def test_group_losses_names_a_loss_in_no_task():
    with pytest.raises(KeyError, match=r"\['loss_extra'\].*no task"):
        group_losses(make_losses(loss_extra=torch.tensor(1.0)), TASKS)


def test_group_losses_names_a_task_without_its_loss():
    tasks = dict(TASKS, other=['loss_other'])
    with pytest.raises(KeyError, match=r"\['loss_other'\].*does not return"):
        group_losses(make_losses(), tasks)


def test_accumulate_takes_none_for_zero():
    total = [None, torch.ones(2), None]
    accumulate(total, [torch.ones(1), torch.ones(2), None])
    assert total[0].tolist() == [1.0]
    assert total[1].tolist() == [2.0, 2.0]
    assert total[2] is None


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


def test_combine_is_the_weighted_sum():
    tasks = [
        [torch.tensor([1.0, 2.0]), None, None],
        [torch.tensor([3.0, 5.0]), torch.tensor([7.0]), None],
    ]
    combined = combine(tasks, [0.5, -2.0])
    assert combined[0].tolist() == [-5.5, -9.0]
    assert combined[1].tolist() == [-14.0]
    assert combined[2] is None
