# Copyright (c) mmgmp authors.
"""From the rows of the results file to a comparison."""

import math
from collections import defaultdict

import pandas as pd
from mmengine.config import Config

from mmgmp.evaluation import MAIN_METRIC

from .comparison import Comparison, compare
from .plan import Plan
from .run import Run

TARGET_METRIC = f'target/{MAIN_METRIC}'
# Name of a setting in print, where it is not the last part of its key.
SYMBOLS = dict(reversal_weight='lambda')


def rows_of(
    plan: Plan, frame: pd.DataFrame, selection: str
) -> dict[Run, dict | None]:
    """Row of each run of a plan.

    Args:
        plan: The plan.
        frame: Rows of :meth:`ResultsStore.read`.
        selection: Rule of selection, ``source``, ``last`` or ``oracle``.

    Returns:
        Run -> its row by that rule, or that of its failure, or None if it was
        not run.
    """
    frame = frame[frame['selection'].isin([selection, ''])]
    rows = {
        (row['config_hash'], row['seed']): row
        for row in frame.to_dict('records')
    }
    identities = {run: run.identity() for run in plan.runs()}
    return {
        run: rows.get((identity['config_hash'], identity['seed']))
        for run, identity in identities.items()
    }


def compare_plan(
    plan: Plan,
    frame: pd.DataFrame,
    selection: str,
    metric: str = TARGET_METRIC,
) -> Comparison:
    """Compare the methods of a plan by one metric.

    Args:
        plan: The plan.
        frame: Rows of :meth:`ResultsStore.read`.
        selection: See :func:`rows_of`.
        metric: Column of the metric.

    Returns:
        The comparison. A finished run that lacks the metric is a failure.
    """
    scores = {label: defaultdict(dict) for label in plan.methods}
    failures = {label: [] for label in plan.methods}
    for run, row in rows_of(plan, frame, selection).items():
        if row is None:
            continue
        score = row.get(metric, math.nan)
        if row['state'] == 'failed':
            failures[run.label].append((run.target, run.seed, row['reason']))
        elif math.isnan(score):
            reason = f'the run has no {metric}'
            failures[run.label].append((run.target, run.seed, reason))
        else:
            scores[run.label][run.target][run.seed] = score
    return compare(
        scores,
        tuple(plan.targets),
        plan.seeds,
        plan.baseline,
        selection,
        failures,
        plan.chance if metric == TARGET_METRIC else None,
    )


def sensitivity_curves(plan: Plan, comparison: Comparison) -> dict:
    """Accuracy over the values of each swept setting.

    Args:
        plan: A plan with sweeps of one method.
        comparison: What :func:`compare_plan` made of it.

    Returns:
        Name of the setting -> (value, mean, low, high), by rising value. The
        mean is that over the targets, NaN where a run is lacking.
    """
    curves = defaultdict(list)
    for label, method in plan.methods.items():
        if method.varied is not None:
            _, key, value = method.varied
            mean = comparison.methods[label].mean
            point = (math.nan,) * 3
            if mean is not None:
                point = mean.mean, mean.low, mean.high
            curves[symbol(key)].append((value, *point))
    return {name: sorted(points) for name, points in curves.items()}


def default_values(plan: Plan) -> dict[str, float]:
    """Value that each swept setting has in the config of its method."""
    values = {}
    for method in plan.methods.values():
        if method.varied is not None:
            label, key, _ = method.varied
            runs = (run for run in plan.runs() if run.label == label)
            cfg: Config = next(runs).load_config()
            for part in key.split('.'):
                cfg = cfg[int(part) if isinstance(cfg, list) else part]
            values[symbol(key)] = cfg
    return values


def symbol(key: str) -> str:
    """Name of a setting in print."""
    name = key.rpartition('.')[2]
    return SYMBOLS.get(name, name)
