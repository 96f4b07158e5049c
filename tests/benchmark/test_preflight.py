# Copyright (c) mmgmp authors.
"""Mistakes of a plan are found before its first run."""

from dataclasses import replace

import pytest

from mmgmp.benchmark.plan import Method
from mmgmp.benchmark.preflight import check_configs, check_files, check_parts
from tests.benchmark.toy_plan import RATE, make_plan


@pytest.fixture
def plan(tmp_path):
    return make_plan(tmp_path, source='p.yml')


def with_method(plan, **fields):
    base = plan.methods['Base']
    methods = {**plan.methods, 'New': replace(base, label='New', **fields)}
    return replace(plan, methods=methods)


def check(plan):
    check_configs(plan)
    runs = [(run, None) for run in plan.runs]
    check_parts(plan, runs)
    check_files(plan, runs)


def test_good_plan(plan):
    check(plan)
    # A sweep may contain the value of its method.
    check(plan.swept({RATE: [0.5, 0.25]}))


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [
        ('train_cfg.max_epochs', 'two', "must be an integer, got 'two'"),
        ('train_cfg.max_epochs', 0, 'must be at least 1, got 0'),
        ('train_cfg.val_begin', 9, 'after the end of training'),
    ],
)
def test_impossible_value(plan, key, value, message):
    """It would fail in each run."""
    with pytest.raises(ValueError, match=f'p.yml: New, .*{key}.*{message}'):
        check(with_method(plan, overrides={key: value}))


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        (dict(config='none.py'), 'config none.py does not exist'),
        (dict(overrides={RATE: 1.0}), "'Base' and 'New' have the same config"),
        (dict(overrides={'model.speed': 1}), "no argument 'speed'"),
        (dict(overrides={'model.type': 'None'}), 'None is not in the'),
        (dict(overrides={RATE: -1}), 'Invalid learning rate'),
        (dict(overrides={RATE: '1'}), 'TypeError'),
        (dict(overrides={'load_from': 'no.pth'}), 'no.pth. does not exist'),
        (dict(overrides={'val_evaluator.type': 'None'}), 'None is not in'),
        (dict(overrides={'custom_hooks.0.type': 'None'}), 'None is not in'),
        (
            dict(overrides={'test_dataloader.dataset.rows': 3}),
            'TypeError.*not iterable',
        ),
        (dict(variables=dict(target='a')), '--target .* has no effect'),
    ],
)
def test_the_last_method_is_wrong(plan, fields, message):
    with pytest.raises(ValueError, match=f'^p.yml: .*{message}') as caught:
        check(with_method(plan, **fields))
    assert 'New' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_equal_targets(plan):
    plan = replace(plan, targets=dict(one={}, two={}))
    with pytest.raises(ValueError, match="targets 'one' and 'two' are the"):
        check_configs(plan)


def test_sweep_without_effect(plan):
    plan = plan.swept({'train_dataloader.num_workers': [0, 1]})
    with pytest.raises(ValueError, match='num_workers=0.*num_workers=1'):
        check_configs(plan)


def test_equal_labels(plan):
    methods = {**plan.methods, 'Half, lr=2': Method('Half, lr=2', 'a.py')}
    plan = replace(plan, methods=methods)
    with pytest.raises(ValueError, match="the label 'Half, lr=2'"):
        plan.swept({RATE: [2]})
    with pytest.raises(ValueError, match='0.5 twice'):
        plan.swept({RATE: [0.5, 0.50]})
