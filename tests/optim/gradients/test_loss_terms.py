# Copyright (c) mmgmp authors.
"""Loss terms of each task."""

import pytest
import torch

from mmgmp.optim.gradients.loss_terms import (
    assign_terms,
    check_tasks,
    group_losses,
    mean_terms,
    order_tasks,
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
    with pytest.raises(KeyError, match=r"\['loss_extra'\].*not in"):
        group_losses(make_losses(loss_extra=torch.tensor(1.0)), TASKS)


def test_group_losses_names_a_task_without_its_loss():
    tasks = dict(TASKS, other=['loss_other', 'loss_else*'])
    with pytest.raises(KeyError, match=r"\['other'\].*no loss term"):
        group_losses(make_losses(), tasks)


def test_glob_without_a_term_is_fine_beside_one_that_has_one():
    tasks = dict(TASKS, domain=['loss_domain', 'loss_domain.*'])
    assert group_losses(make_losses(), tasks).keys() == TASKS.keys()


def test_globs_take_the_terms_of_modalities_and_of_named_objectives():
    tasks = dict(
        semantic=['loss_cls', 'loss_cls.*'],
        domain=['loss_domain*', '*/loss_domain'],
        plain=['loss_[0]'],
    )
    terms = [
        'local/loss_domain',
        'loss_cls.video',
        'loss_[0]',
        'loss_cls',
        'loss_domain.audio',
    ]
    assert assign_terms(terms, tasks) == dict(
        semantic=['loss_cls', 'loss_cls.video'],
        domain=['loss_domain.audio', 'local/loss_domain'],
        plain=['loss_[0]'],
    )


def test_term_of_two_globs_of_a_task_counts_once():
    tasks = dict(a=['loss_c*', 'loss_cls', 'loss_con'], b=['loss_domain'])
    assert group_losses(make_losses(), tasks)['a'] == 6


def test_term_of_two_tasks_is_named():
    tasks = dict(semantic=['loss_c*'], domain=['loss_domain', '*cls'])
    with pytest.raises(ValueError, match=r"'loss_cls'.*'semantic', 'domain'"):
        group_losses(make_losses(), tasks)


def test_means_are_off_the_graph():
    weight = torch.ones(2, requires_grad=True)
    means = mean_terms(dict(loss=[weight, weight * 3], accuracy=weight.sum()))
    assert {k: v.item() for k, v in means.items()} == dict(loss=4, accuracy=2)
    assert not any(v.requires_grad for v in means.values())


def test_task_with_a_glob_for_a_list_is_an_error():
    with pytest.raises(TypeError, match=r"'loss_cls' for 'semantic'"):
        check_tasks(dict(semantic='loss_cls'))


def test_order_of_tasks_is_not_that_of_the_dict():
    tasks = dict(plain=['c'], domain=['b'], fused=['d'], semantic=('a',))
    assert [*order_tasks(tasks).items()] == [
        ('fused', ['d']),
        ('semantic', ['a']),
        ('domain', ['b']),
        ('plain', ['c']),
    ]
