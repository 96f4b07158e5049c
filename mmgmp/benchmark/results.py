# Copyright (c) mmgmp authors.
"""Collect the rows of a plan's runs, and compare its methods."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from .comparison import Comparison, compare
from .plan import Plan
from .run import Run
from .selection import SELECTIONS, TARGET_METRIC
from .store import ResultsStore

Point = tuple[float, float, float, float]

# What describes a run besides the hash of its config.
DESCRIPTION = ('config', 'variables', 'overrides', 'target', 'seed')
# Names of settings in tables and figures. Others use the last part of the key.
SYMBOLS = dict(reversal_weight='lambda')


class Sweep(NamedTuple):
    """Values of a setting.

    ``method`` is the label of the method whose setting ``key`` varies;
    ``labels`` maps each value to the label of its row.
    """

    method: str
    key: str
    labels: dict[Any, str]


class Results:
    """Rows of a plan, and the values that tables and figures show.

    Every comparison is computed once, when it is first needed.

    Args:
        plan: The plan.
        frame: Rows of :meth:`ResultsStore.read`; other plans may share them.

    Attributes:
        plan: The plan.
        outdated: Missing runs whose stored rows have another config hash,
            because their config has changed since.
    """

    def __init__(self, plan: Plan, frame: pd.DataFrame) -> None:
        self.plan = plan
        stored: dict[tuple, dict[str, dict]] = defaultdict(dict)
        for row in frame.to_dict('records'):
            stored[row['config_hash'], row['seed']][row['selection']] = row
        described = {
            tuple(row[column] for column in DESCRIPTION)
            for row in frame.to_dict('records')
        }
        # Run -> selection rule -> row. The rule of a failed run is ''.
        self._rows: dict[Run, dict[str, dict]] = {
            run: stored.get((run.identity['config_hash'], run.seed), {})
            for run in plan.runs
        }
        # Missing runs with a row of the same description and another hash.
        self.outdated: list[Run] = [
            run
            for run in plan.runs
            if not self._rows[run]
            and tuple(run.identity[c] for c in DESCRIPTION) in described
        ]
        self._comparisons: dict[tuple[str, str], Comparison] = {}

    @classmethod
    def read(cls, plan: Plan) -> 'Results':
        """Read the rows from the results file of a plan."""
        return cls(plan, ResultsStore(plan.results).read())

    @property
    def selections(self) -> list[str]:
        """Selection rules that have rows, in the order of SELECTIONS."""
        recorded = {rule for rows in self._rows.values() for rule in rows}
        return [rule for rule in SELECTIONS if rule in recorded]

    def rows(self, selection: str = 'source') -> dict[Run, dict | None]:
        """Get the row of each run.

        Args:
            selection: Selection rule, a key of SELECTIONS.

        Returns:
            Run -> its row by that rule, or the row of its failure, or None if
            the run is missing.
        """
        return {
            run: rows.get(selection, rows.get(''))
            for run, rows in self._rows.items()
        }

    @property
    def finished(self) -> list[dict]:
        """Rows of the finished runs, selected by source validation."""
        rows = self.rows().values()
        return [row for row in rows if row and row['state'] == 'finished']

    def comparison(
        self, selection: str = 'source', metric: str = TARGET_METRIC
    ) -> Comparison:
        """Compare the methods by one metric.

        Args:
            selection: Selection rule, a key of SELECTIONS.
            metric: Column of the metric.

        Returns:
            The comparison. A finished run without the metric is a failure.
        """
        key = selection, metric
        if key not in self._comparisons:
            self._comparisons[key] = self._compare(selection, metric)
        return self._comparisons[key]

    def sensitivity(self) -> dict[str, Sequence[Point]]:
        """Get the accuracy over the values of each swept setting.

        Returns:
            Name of the setting -> (value, mean, low, high), sorted by value.
            The mean is over the targets; it is NaN if a run is missing.
            Settings whose values are not numbers are left out. If several
            methods sweep a setting, its name includes the method.
        """
        methods = self.comparison().methods
        curves: dict[str, Sequence[Point]] = {}
        for name, sweep in self._sweeps().items():
            points = []
            for value, label in sorted(sweep.labels.items()):
                mean = methods[label].mean
                point = (math.nan,) * 3
                if mean is not None:
                    point = mean.mean, mean.low, mean.high
                points.append((value, *point))
            curves[name] = points
        return curves

    def sensitivity_runs(self) -> dict[str, dict[Any, list[float]]]:
        """Get the mean over the targets of each seed in :meth:`sensitivity`.

        Returns:
            Name of the setting -> value -> accuracies.
        """
        methods = self.comparison().methods
        return {
            name: {
                value: methods[label].of_seeds()
                for value, label in sweep.labels.items()
                if methods[label].complete
            }
            for name, sweep in self._sweeps().items()
        }

    def default_values(self) -> dict[str, float]:
        """Get the value of each swept setting in the config of its method.

        A value that the config leaves to the code is left out.
        """
        values = {}
        for name, sweep in self._sweeps().items():
            run = next(r for r in self.plan.runs if r.label == sweep.method)
            node = run.load_config()
            try:
                for part in sweep.key.split('.'):
                    node = node[int(part) if isinstance(node, list) else part]
            except KeyError:
                continue
            values[name] = node
        return values

    def _sweeps(self) -> dict[str, Sweep]:
        """Name the sweeps whose values are numbers."""
        sweeps: dict[tuple[str, str], Sweep] = {}
        for label, method in self.plan.methods.items():
            if method.varied is not None:
                base, key, value = method.varied
                sweep = sweeps.setdefault((base, key), Sweep(base, key, {}))
                sweep.labels[value if is_finite(value) else None] = label
        symbols = [symbol(key) for _, key in sweeps]
        names: dict[str, Sweep] = {}
        for sweep in sweeps.values():
            name = symbol(sweep.key)
            if symbols.count(name) > 1:
                name = f'{name} ({sweep.method})'
            if name in names:
                name = f'{sweep.key} ({sweep.method})'
            if None not in sweep.labels:
                names[name] = sweep
        return names

    def _compare(self, selection: str, metric: str) -> Comparison:
        plan = self.plan
        scores: dict[str, dict[str, dict[int, float]]]
        scores = {label: defaultdict(dict) for label in plan.methods}
        failures: dict[str, list[tuple[str, int, str]]]
        failures = {label: [] for label in plan.methods}
        for run, row in self.rows(selection).items():
            if row is None:
                continue
            score = row.get(metric, math.nan)
            if row['state'] == 'failed':
                reason = row['reason'] or 'unknown reason'
                failures[run.label].append((run.target, run.seed, reason))
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


def is_finite(value: object) -> bool:
    """Check for a number that an axis can show."""
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore


def symbol(key: str) -> str:
    """Name of a setting in tables and figures.

    Example:
        >>> symbol('optim_wrapper.alpha_k')
        'alpha_k'
    """
    name = key.rpartition('.')[2]
    return SYMBOLS.get(name, name)
