# Copyright (c) mmgmp authors.
"""Loss terms of each task."""

import gc

import pytest
import torch
from mmengine.model import BaseModel

from mmgmp.optim.gradients.loss_terms import (
    RecordedLosses,
    group_terms,
    mean_terms,
)

TASKS = dict(semantic=['loss_cls', 'loss_con'], domain=['loss_domain'])


def make_losses(**kwargs):
    def value(number):
        return torch.tensor(number, requires_grad=True) * 1.0

    return dict(
        loss_cls=value([1.0, 3.0]),
        loss_con=[value(1.0), value([2.0, 4.0])],
        loss_domain=value(0.5),
        confidence=torch.tensor(0.3),
        **kwargs,
    )


def parse(losses):
    return BaseModel.parse_losses(None, losses)[0]


def group(*losses, tasks=TASKS, total=lambda *parsed: sum(parsed)):
    recorded = [RecordedLosses(x) for x in losses]
    loss = total(*(parse(x.take()) for x in recorded))
    return group_terms(loss, [x.losses for x in recorded], tasks)


def values(grouped):
    """Value of each task: its terms times their coefficients."""
    return {
        task: sum(
            (x * c).sum().item()
            for x, c in zip(terms.tensors, terms.coefficients)
        )
        for task, terms in grouped.items()
    }


def test_tasks_are_the_parts_of_the_parsed_loss():
    grouped, seen = group(make_losses())
    assert values(grouped) == dict(semantic=6.0, domain=0.5)
    assert list(grouped) == ['semantic', 'domain']
    assert [x['confidence'].item() for x in seen] == [pytest.approx(0.3)]


def test_factor_of_the_loss_and_sum_over_forwards():
    grouped, seen = group(
        make_losses(),
        make_losses(),
        total=lambda first, second: 0.5 * first + 2 * second,
    )
    assert values(grouped) == dict(semantic=15.0, domain=1.25)
    assert len(seen) == 2


def test_forward_that_the_loss_does_not_use():
    grouped, seen = group(
        make_losses(), make_losses(), total=lambda first, second: second
    )
    assert values(grouped) == dict(semantic=6.0, domain=0.5)
    assert len(seen) == 1


def test_term_of_another_term_counts_once():
    weight = torch.tensor(1.0, requires_grad=True)
    first = weight * 2
    losses = dict(loss_cls=first, loss_domain=first * 3, loss_con=first)
    grouped, _ = group(losses)
    assert values(grouped) == dict(semantic=4.0, domain=6.0)
    gradients = {
        task: torch.autograd.grad(
            terms.tensors, weight, terms.coefficients, retain_graph=True
        )[0].item()
        for task, terms in grouped.items()
    }
    assert gradients == dict(semantic=4.0, domain=6.0)


def test_constant_task_has_no_terms():
    grouped, _ = group(dict(make_losses(), loss_domain=torch.tensor(2.0)))
    assert grouped['domain'].tensors == []
    assert values(grouped)['semantic'] == 6.0


def test_loss_without_terms_and_part_outside_of_them():
    weight = torch.ones(3, requires_grad=True)
    with pytest.raises(ValueError, match=r"no term.*'loss_cls'"):
        group(make_losses(), total=lambda loss: loss.detach())
    with pytest.raises(ValueError, match=r'shape \(3,\).*no term'):
        group(make_losses(), total=lambda loss: loss + weight.sum())


def test_losses_are_in_use_as_long_as_their_graph():
    recorded = RecordedLosses(make_losses())
    loss = parse(recorded.take())
    gc.collect()
    assert recorded.in_use
    del loss
    assert not recorded.in_use


def test_group_terms_names_a_loss_in_no_task():
    with pytest.raises(KeyError, match=r"\['loss_extra'\].*not in"):
        group(make_losses(loss_extra=torch.tensor(1.0)))


def test_group_terms_names_a_task_without_its_loss():
    tasks = dict(TASKS, other=['loss_other', 'loss_else*'])
    with pytest.raises(KeyError, match=r"\['other'\].*no loss term"):
        group(make_losses(), tasks=tasks)


def test_glob_without_a_term_is_fine_beside_one_that_has_one():
    tasks = dict(TASKS, domain=['loss_domain', 'loss_domain.*'])
    assert group(make_losses(), tasks=tasks)[0].keys() == TASKS.keys()


def test_term_of_two_globs_of_a_task_counts_once():
    tasks = dict(a=['loss_c*', 'loss_cls', 'loss_con'], b=['loss_domain'])
    assert values(group(make_losses(), tasks=tasks)[0])['a'] == 6


def test_term_of_two_tasks_is_named():
    tasks = dict(semantic=['loss_c*'], domain=['loss_domain', '*cls'])
    with pytest.raises(ValueError, match=r"'loss_cls'.*'semantic', 'domain'"):
        group(make_losses(), tasks=tasks)


def test_means_are_off_the_graph():
    weight = torch.ones(2, requires_grad=True)
    means = mean_terms(dict(loss=[weight, weight * 3], accuracy=weight.sum()))
    assert {k: v.item() for k, v in means.items()} == dict(loss=4, accuracy=2)
    assert not any(v.requires_grad for v in means.values())


def test_terms_may_be_changed_in_place():
    recorded = RecordedLosses(make_losses())
    returned = recorded.take()
    returned['loss_cls'] *= 3
    returned['loss_con'][1].mul_(0.5)
    returned['loss_domain'].add_(1)
    assert recorded.in_use
    loss = parse(returned)
    grouped, _ = group_terms(loss, [recorded.losses], TASKS)
    assert values(grouped) == dict(semantic=8.5, domain=0.5)


def test_empty_list_is_a_constant_loss():
    losses = dict(make_losses(), loss_domain=[])
    grouped, _ = group(losses)
    assert values(grouped) == dict(semantic=6.0, domain=0)
    assert 'loss_domain' not in mean_terms(losses)


def test_loss_that_is_no_tensor_is_named():
    with pytest.raises(TypeError, match="'loss_domain'=0.25: return a tensor"):
        RecordedLosses(dict(make_losses(), loss_domain=0.25))
