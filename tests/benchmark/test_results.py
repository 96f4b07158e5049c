# Copyright (c) mmgmp authors.
"""From rows to scores: each run finds its rows, and none is lost silently."""

import math
from dataclasses import replace

import pytest

from mmgmp.benchmark import results as results_module
from mmgmp.benchmark.results import Results
from tests.benchmark.toy_plan import (
    RATE,
    make_plan,
    store_failure,
    store_run,
)

WEIGHT = 'model.reversal_weight'


@pytest.fixture
def plan(tmp_path):
    return make_plan(tmp_path)


def test_each_run_finds_its_row(plan):
    for run, accuracy in zip(plan.runs, (0.1, 0.2, 0.3, 0.4), strict=True):
        store_run(plan, run, accuracy)
    results = Results.read(plan)
    comparison = results.comparison()
    # Seed by seed: Base and Half of seed 0, then of seed 1.
    assert comparison.methods['Base'].mean.mean == pytest.approx(0.2)
    assert comparison.methods['Half'].mean.mean == pytest.approx(0.3)
    assert comparison.methods['Half'].difference.mean == pytest.approx(0.1)
    assert comparison.chance == 0.5
    for selection, mean in dict(last=0.3, oracle=0.4).items():
        other = results.comparison(selection)
        assert other.methods['Base'].mean.mean == pytest.approx(mean)
        assert other.selection == selection
    assert results.selections == ['source', 'last', 'oracle']
    assert len(results.finished) == 4


def test_comparisons_are_computed_once(plan, monkeypatch):
    calls = []
    compare = results_module.compare
    monkeypatch.setattr(
        results_module,
        'compare',
        lambda *args: calls.append(args) or compare(*args),
    )
    results = Results.read(plan)
    assert results.comparison() is results.comparison('source')
    results.comparison('last'), results.comparison('last')
    assert len(calls) == 2


def test_failed_and_missing_runs(plan):
    store_run(plan, plan.runs[0], 0.1)
    store_failure(plan, plan.runs[1])
    store_run(plan, plan.runs[2], 0.1)
    results = Results.read(plan)
    states = [row and row['state'] for row in results.rows().values()]
    assert states == ['finished', 'failed', 'finished', None]
    half = results.comparison().methods['Half']
    assert half.failures == (('cartoon', 0, 'a reason'),)
    assert half.missing == (('cartoon', 1),)
    assert half.mean is None
    assert len(results.finished) == 2


def test_missing_metric_is_a_failure(plan):
    for run in plan.runs:
        store_run(plan, run, 0.1)
    store_run(plan, plan.runs[0], 0.1, other=0.9)
    comparison = Results.read(plan).comparison('source', 'other')
    base = comparison.methods['Base']
    assert base.targets['cartoon'].mean == 0.9
    assert base.failures == (('cartoon', 1, 'the run has no other'),)
    assert comparison.chance is None


def test_empty_results(plan):
    results = Results.read(plan)
    methods = results.comparison().methods.values()
    assert [m.finished for m in methods] == [0, 0]
    assert results.selections == results.finished == []


def test_rows_of_other_plans_are_ignored(plan):
    store_run(plan, plan.runs[0], 0.1)
    other = replace(plan, seeds=(7,))
    store_run(other, other.runs[0], 0.1, rules=dict(iw=0))
    assert Results.read(plan).selections == ['source', 'last', 'oracle']
    assert Results.read(other).selections == ['iw']


def test_sensitivity(plan):
    methods = {
        label: replace(method, overrides={WEIGHT: 7})
        for label, method in plan.methods.items()
    }
    plan = replace(plan, methods=methods)
    plan = plan.swept({RATE: [2, 0.5], WEIGHT: [7]})
    for run in plan.runs:
        if run.label == 'Half, lr=2' and run.seed == 1:
            continue
        rate = run.overrides.get(RATE, 1)
        store_run(plan, run, rate / 8 + 0.1 * run.seed)
    results = Results.read(plan)
    curves = results.sensitivity()
    assert list(curves) == ['lr', 'lambda']
    (half, two), (seven,) = curves.values()
    assert half[:2] == (0.5, pytest.approx(0.1125))
    assert half[2] < half[1] < half[3]
    assert two[0] == 2
    assert all(map(math.isnan, two[1:]))
    assert seven[:2] == (7, pytest.approx(0.175))
    assert results.default_values() == {'lr': 1.0, 'lambda': 7}


def test_sweeps_of_several_methods_have_their_own_curves(plan):
    plan = replace(plan, baseline=None).swept({RATE: [2, 0.25]})
    for run in plan.runs:
        store_run(plan, run, 0.5)
    results = Results.read(plan)
    assert list(results.sensitivity()) == ['lr (Base)', 'lr (Half)']
    assert results.default_values() == {'lr (Base)': 1.0, 'lr (Half)': 0.5}


@pytest.mark.parametrize(
    'values', [['a', 'b'], [1, 'b'], [True], [None, 1], [[1]], [math.inf]]
)
def test_values_that_are_no_numbers_have_no_curve(plan, values):
    plan = plan.swept({'model.fault': values})
    assert Results.read(plan).sensitivity() == {}


def test_setting_that_the_config_leaves_to_the_code(plan):
    plan = plan.swept({'model.seconds': [1]})
    assert Results.read(plan).default_values() == {}


def test_rows_of_another_version_of_the_config_are_said(plan):
    for run in plan.runs[:3]:
        store_run(plan, run, 0.5)
    store_run(plan, plan.runs[3], 0.5, config_hash='0')
    results = Results.read(plan)
    assert results.outdated == [plan.runs[3]]
    assert results.comparison().methods['Half'].finished == 1
