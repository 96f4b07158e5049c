# Copyright (c) mmgmp authors.
"""Plans and runs of the counting toy, and their stored results."""

from mmengine.config import Config

from mmgmp.benchmark.plan import Method, Plan
from mmgmp.benchmark.run import Run
from mmgmp.benchmark.selection import TARGET_METRIC
from mmgmp.benchmark.store import ResultsStore
from tests.utils import counting_toy

RATE = 'optim_wrapper.optimizer.lr'


def write_config(folder):
    """Write the config of the toy and return its path."""
    path = folder / 'toy.py'
    Config(counting_toy.settings()).dump(path)
    return str(path)


def make_run(config, seed=0, **model):
    """A run of the toy with settings of its model."""
    overrides = {f'model.{key}': value for key, value in model.items()}
    return Run('Toy', config, 'cartoon', seed, overrides)


def make_plan(folder, **fields):
    """A plan with a baseline and a copy with half the learning rate."""
    config = write_config(folder)
    methods = dict(
        Base=Method('Base', config),
        Half=Method('Half', config, {RATE: 0.5}),
    )
    return Plan(
        **dict(
            name='toy',
            results=folder / 'rows.csv',
            targets=dict(cartoon={}),
            seeds=(0, 1),
            methods=methods,
            baseline='Base',
            chance=0.5,
        )
        | fields
    )


def store_run(plan, run, accuracy, rules=None, **changes):
    """Store rows of a run with this accuracy, plus a shift for each rule."""
    rules = rules or dict(source=0, last=0.1, oracle=0.2)
    rows = [
        dict(
            run.identity,
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
        for selection, shift in rules.items()
    ]
    ResultsStore(plan.results).add([row | changes for row in rows])


def store_failure(plan, run):
    """Store the row of a failed run."""
    row = dict(selection='', state='failed', reason='a reason')
    ResultsStore(plan.results).add([run.identity | row])


def by_target(block, targets, seeds):
    """Target -> seed -> score, from scores of shape (targets, seeds)."""
    return {t: dict(zip(seeds, row)) for t, row in zip(targets, block)}
