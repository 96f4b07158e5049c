# Copyright (c) mmgmp authors.
"""Comparison of methods over targets and seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import NamedTuple

import numpy as np

from .selection import SELECTIONS
from .statistics import (
    Difference,
    Estimate,
    average_ranks,
    holm,
    mean_interval,
    paired_difference,
)

# Target -> seed -> score, a fraction.
Scores = Mapping[str, Mapping[int, float]]


class Failure(NamedTuple):
    """A run that ended without a score."""

    target: str
    seed: int
    reason: str


@dataclass(frozen=True)
class MethodResult:
    """Result of one method over its runs.

    Attributes:
        label: Name of the method.
        targets: Target -> score over the seeds that finished; None if none
            did.
        mean: Estimate over the seeds, where each seed has its mean over the
            targets; None if the method is incomplete.
        difference: Difference from the baseline; None for the baseline itself,
            or if either method is incomplete.
        p_holm: p-value of the difference, adjusted for the number of compared
            methods; None without a difference.
        rank: Mean rank among the complete methods, 1 is best; None if the
            method is incomplete.
        finished: Number of runs with a score.
        expected: Number of runs in the plan.
        failures: Runs that failed.
        missing: Target and seed of each run that neither finished nor failed.
        scores: Target -> seed -> score of each finished run.
    """

    label: str
    targets: dict[str, Estimate | None]
    mean: Estimate | None
    difference: Difference | None
    p_holm: float | None
    rank: float | None
    finished: int
    expected: int
    failures: tuple[Failure, ...]
    missing: tuple[tuple[str, int], ...]
    scores: Scores = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether all expected runs finished."""
        return self.finished == self.expected

    def of_runs(self, target: str) -> list[float]:
        """List the scores of the finished runs on a target, by seed."""
        runs = self.scores.get(target, {})
        return [runs[seed] for seed in sorted(runs)]

    def of_seeds(self) -> list[float]:
        """List the mean over the targets for each seed that has all."""
        runs = [self.scores.get(target, {}) for target in self.targets]
        seeds = set.intersection(*map(set, runs))
        return [sum(r[s] for r in runs) / len(runs) for s in sorted(seeds)]


@dataclass(frozen=True)
class Comparison:
    """Methods on the same targets and seeds, see :func:`compare`."""

    methods: dict[str, MethodResult]
    targets: tuple[str, ...]
    seeds: tuple[int, ...]
    baseline: str | None
    selection: str
    chance: float | None

    @property
    def compared(self) -> tuple[MethodResult, ...]:
        """Methods with a difference from the baseline."""
        return tuple(
            m for m in self.methods.values() if m.difference is not None
        )

    @property
    def pairs(self) -> int:
        """Number of pairs of a complete method and a complete baseline."""
        return len(self.targets) * len(self.seeds)


def compare(
    scores: Mapping[str, Scores],
    targets: Sequence[str],
    seeds: Sequence[int],
    baseline: str | None,
    selection: str,
    failures: Mapping[str, Sequence[tuple[str, int, str]]] | None = None,
    chance: float | None = None,
) -> Comparison:
    """Compare methods that ran on the same targets with the same seeds.

    A method with a failed or missing run has no mean over targets, no
    difference, no p-value and no rank, because averages over different runs
    are not comparable. Holm's correction counts the compared methods.

    Args:
        scores: Label of a method -> target -> seed -> score of each finished
            run, a fraction. A method without runs has an empty mapping.
        targets: Expected targets.
        seeds: Expected seeds of each method on each target.
        baseline: Label of the method to compare the others with, or None.
        selection: Rule that selected the checkpoints, a key of SELECTIONS.
        failures: Label -> (target, seed, reason) of each failed run.
        chance: Accuracy of random guessing, a fraction, for the tables.

    Returns:
        The comparison, with the methods in the order of `scores`.

    Raises:
        TypeError: A score is not a number, or `targets` is a string.
        ValueError: A label, target, seed or selection is unknown or given
            twice, a name is not one line of text, a score is not in [0, 1],
            or a run has two results.
    """
    failures = failures or {}
    targets, seeds = _distinct('targets', targets), _distinct('seeds', seeds)
    _check_names(scores, targets, baseline, selection, failures)
    if chance is not None:
        _check_score('`chance`', chance)
    for label, runs in scores.items():
        _check_runs(label, runs, failures.get(label, ()), targets, seeds)
    blocks = {
        label: np.array([[runs[t][s] for s in seeds] for t in targets])
        for label, runs in scores.items()
        if all(s in runs.get(t, {}) for t in targets for s in seeds)
    }
    differences = {
        label: paired_difference(block - blocks[baseline])
        for label, block in blocks.items()
        if baseline in blocks and label != baseline
    }
    adjusted = holm([d.p_value for d in differences.values()])
    p_holm = dict(zip(differences, adjusted.tolist()))
    ranks = {}
    if blocks:
        stacked = np.stack([block.ravel() for block in blocks.values()])
        ranks = dict(zip(blocks, average_ranks(stacked).tolist()))
    methods = {}
    for label, runs in scores.items():
        failed = tuple(Failure(*f) for f in failures.get(label, ()))
        known = {(t, s) for t in runs for s in runs[t]}
        known |= {(f.target, f.seed) for f in failed}
        estimates = {}
        for target in targets:
            # Sum in a fixed order, so that the last digit does not vary.
            found = [
                runs[target][s] for s in seeds if s in runs.get(target, {})
            ]
            estimates[target] = mean_interval(found) if found else None
        block = blocks.get(label)
        methods[label] = MethodResult(
            label=label,
            targets=estimates,
            mean=None if block is None else mean_interval(block.mean(axis=0)),
            difference=differences.get(label),
            p_holm=p_holm.get(label),
            rank=ranks.get(label),
            finished=sum(map(len, runs.values())),
            expected=len(targets) * len(seeds),
            failures=failed,
            missing=tuple(
                (t, s) for t in targets for s in seeds if (t, s) not in known
            ),
            scores=runs,
        )
    return Comparison(methods, targets, seeds, baseline, selection, chance)


def _distinct(name: str, values: Sequence) -> tuple:
    if isinstance(values, str):
        raise TypeError(f'`{name}` must be a list, got {values!r}')
    if not values or len(set(values)) < len(values):
        raise ValueError(
            f'`{name}` must have at least one value, each once, got {values}'
        )
    return tuple(values)


def _check_names(
    scores: Mapping[str, Scores],
    targets: tuple[str, ...],
    baseline: str | None,
    selection: str,
    failures: Mapping[str, Sequence],
) -> None:
    if not scores:
        raise ValueError('`scores` must have at least one method, got none')
    for name in (*scores, *targets):
        if not isinstance(name, str) or len(name.splitlines()) != 1:
            raise ValueError(
                'names of methods and targets must be one line of text, got '
                f'{name!r}'
            )
    if selection not in SELECTIONS:
        raise ValueError(
            f'`selection` must be one of {[*SELECTIONS]}, got {selection!r}'
        )
    unknown = [x for x in (baseline, *failures) if x not in (*scores, None)]
    if unknown:
        raise ValueError(
            f'`baseline` or `failures` name {unknown}, which are not methods '
            f'of `scores`: {[*scores]}'
        )


def _check_runs(
    label: str,
    runs: Scores,
    failures: Sequence[tuple[str, int, str]],
    targets: tuple[str, ...],
    seeds: tuple[int, ...],
) -> None:
    found = [(t, s) for t in runs for s in runs[t]]
    for target, seed in found:
        name = f'the score of {label!r}, target {target!r}, seed {seed!r}'
        _check_score(name, runs[target][seed])
    for failure in failures:
        if len(failure) != 3 or not failure[2]:
            raise ValueError(
                f'`failures` of {label!r} must be (target, seed, reason) with '
                f'a reason, got {failure!r}'
            )
        found.append(failure[:2])
    for run in found:
        if run[0] not in targets or run[1] not in seeds:
            raise ValueError(
                f'{label!r} has a run with target and seed {run}, which is '
                f'not expected: targets {targets}, seeds {seeds}'
            )
        if found.count(run) > 1:
            raise ValueError(
                f'{label!r} has more than one result for target and seed '
                f'{run}: give its score or one failure'
            )


def _check_score(name: str, score: float) -> None:
    if isinstance(score, bool) or not isinstance(score, Real):
        raise TypeError(f'{name} must be a number, got {score!r}')
    if not 0 <= score <= 1:
        raise ValueError(
            f'{name} must be a fraction from 0 to 1, got {score}: divide '
            'percentages by 100, and list a run without a score as a failure'
        )
