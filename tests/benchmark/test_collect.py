# Copyright (c) mmgmp authors.
"""From rows to scores: each run finds its own, and none is lost silently."""

import math

import pytest

from mmgmp.benchmark.collect import (
    TARGET_METRIC,
    compare_plan,
    default_values,
    rows_of,
    sensitivity_curves,
)
from mmgmp.benchmark.execute import failure
from mmgmp.benchmark.plan import Method, Plan
from mmgmp.benchmark.results_store import ResultsStore
from tests.benchmark.toy_plan import write_config

RATE = 'optim_wrapper.optimizer.lr'
WEIGHT = 'model.reversal_weight'


@pytest.fixture
def plan(tmp_path):
    config = write_config(tmp_path)
    methods = dict(
        Base=Method('Base', config),
        Slow=Method('Slow', config, {RATE: 0.5}),
    )
    return Plan(
        name='toy',
        results=tmp_path / 'rows.csv',
        targets=dict(cartoon={}),
        seeds=(0, 1),
        methods=methods,
        baseline='Base',
        chance=0.5,
    )


def store_run(plan, run, accuracy, **changes):
    """Rows of a run with one accuracy, and others by the other rules."""
    rows = [
        dict(
            run.identity(),
            sources='a',
            selection=selection,
            epoch=1,
            state='finished',
            reason='',
            seconds=1.0,
            peak_memory_mb=1,
            code_version='1',
            dataset_version='1',
            **{TARGET_METRIC: accuracy + shift},
        )
        for selection, shift in dict(source=0, last=0.1, oracle=0.2).items()
    ]
    ResultsStore(plan.results).add([dict(row, **changes) for row in rows])


def read(plan):
    return ResultsStore(plan.results).read()


def test_each_run_finds_its_row(plan):
    runs = plan.runs()
    for run, accuracy in zip(runs, (0.1, 0.2, 0.3, 0.4), strict=True):
        store_run(plan, run, accuracy)
    comparison = compare_plan(plan, read(plan), 'source')
    # Seed by seed: Base and Slow of seed 0, then of seed 1.
    assert comparison.methods['Base'].mean.mean == pytest.approx(0.2)
    assert comparison.methods['Slow'].mean.mean == pytest.approx(0.3)
    assert comparison.methods['Slow'].difference.mean == pytest.approx(0.1)
    assert comparison.chance == 0.5
    for selection, mean in dict(last=0.3, oracle=0.4).items():
        other = compare_plan(plan, read(plan), selection)
        assert other.methods['Base'].mean.mean == pytest.approx(mean)
        assert other.selection == selection


def test_failed_and_missing_runs(plan):
    runs = plan.runs()
    store_run(plan, runs[0], 0.1)
    row = dict(runs[1].identity(), **failure('a reason'), code_version='1')
    ResultsStore(plan.results).add([row])
    store_run(plan, runs[2], 0.1)
    rows = rows_of(plan, read(plan), 'source')
    assert [r and r['state'] for r in rows.values()] == [
        'finished',
        'failed',
        'finished',
        None,
    ]
    slow = compare_plan(plan, read(plan), 'source').methods['Slow']
    assert slow.failures == (('cartoon', 0, 'a reason'),)
    assert slow.missing == (('cartoon', 1),)
    assert slow.mean is None


def test_metric_that_a_run_lacks(plan):
    for run in plan.runs():
        store_run(plan, run, 0.1)
    store_run(plan, plan.runs()[0], 0.1, other=0.9)
    base = compare_plan(plan, read(plan), 'source', 'other').methods['Base']
    assert base.targets['cartoon'].mean == 0.9
    assert base.failures == (('cartoon', 1, 'the run has no other'),)


def test_empty_results(plan):
    comparison = compare_plan(plan, read(plan), 'source')
    assert [m.finished for m in comparison.methods.values()] == [0, 0]


def test_sensitivity(plan):
    methods = {
        label: Method(label, method.config, {WEIGHT: 7})
        for label, method in plan.methods.items()
    }
    object.__setattr__(plan, 'methods', methods)
    sweeps = {RATE: [2, 0.5], WEIGHT: [7]}
    plan = plan.swept(sweeps)
    for run in plan.runs():
        if run.label == 'Slow, lr=2' and run.seed == 1:
            continue
        rate = run.overrides.get(RATE, 1)
        store_run(plan, run, rate / 8 + 0.1 * run.seed)
    comparison = compare_plan(plan, read(plan), 'source')
    curves = sensitivity_curves(plan, comparison)
    assert list(curves) == ['lr', 'lambda']
    (half, two), (seven,) = curves.values()
    assert half[:2] == (0.5, pytest.approx(0.1125))
    assert half[2] < half[1] < half[3]
    assert two[0] == 2
    assert all(map(math.isnan, two[1:]))
    assert seven[:2] == (7, pytest.approx(0.175))
    assert default_values(plan) == {'lr': 1.0, 'lambda': 7}
