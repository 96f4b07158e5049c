# Copyright (c) mmgmp authors.
"""Tasks, and the keys of their loss terms."""

import pytest

from mmgmp.optim.gradients.tasks import (
    assign_terms,
    check_tasks,
    order_tasks,
)


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
