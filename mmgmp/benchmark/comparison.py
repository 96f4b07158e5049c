# Copyright (c) mmgmp authors.
"""Comparison of methods over targets and seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .scores import Runs, check_scores, distinct
from .statistics import (
    Difference,
    Estimate,
    average_ranks,
    holm,
    mean_interval,
    paired_difference,
)


class Failure(NamedTuple):
    """A run that ended without a score."""

    target: str
    seed: int
    reason: str


@dataclass(frozen=True)
class MethodResult:
    """What the runs of one method amount to.

    Attributes:
        label: Name of the method.
        targets: Target -> score over the seeds that finished; None where none
            did.
        mean: Mean over targets, over seeds; None if a run is lacking.
        difference: To the baseline; None for the baseline itself and if a run
            of either is lacking.
        p_holm: p-value of the difference, adjusted for the number of methods
            that were compared; None without a difference.
        rank: Mean rank among the complete methods, 1 is best; None if a run
            is lacking.
        finished: Number of runs with a score.
        expected: Number of runs that there should be.
        failures: Runs that failed.
        missing: Targets and seeds that neither finished nor failed.
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

    @property
    def complete(self) -> bool:
        """Whether all expected runs finished."""
        return self.finished == self.expected


@dataclass(frozen=True)
class Comparison:
    """Methods on the same targets and seeds. See :func:`compare`."""

    methods: dict[str, MethodResult]
    targets: tuple[str, ...]
    seeds: tuple[int, ...]
    baseline: str | None
    selection: str
    chance: float | None

    @property
    def compared(self) -> tuple[MethodResult, ...]:
        """Methods with a difference to the baseline."""
        return tuple(
            m for m in self.methods.values() if m.difference is not None
        )

    @property
    def pairs(self) -> int:
        """Number of pairs of a complete method with a complete baseline."""
        return len(self.targets) * len(self.seeds)


def compare(
    scores: Mapping[str, Runs],
    targets: Sequence[str],
    seeds: Sequence[int],
    baseline: str | None,
    selection: str,
    failures: Mapping[str, Sequence[tuple[str, int, str]]] | None = None,
    chance: float | None = None,
) -> Comparison:
    """Compare methods that ran on the same targets with the same seeds.

    A method that lacks a run, failed or missing, has no mean over targets, no
    difference, no p-value and no rank: an average over fewer runs than the
    others' is no match for theirs. Holm's correction counts the methods that
    are compared.

    Args:
        scores: Label of a method -> target -> seed -> score of each finished
            run, a fraction. A method without any has an empty mapping.
        targets: Expected targets.
        seeds: Expected seeds of each method on each target.
        baseline: Label of the method that the others are compared with, None
            for none.
        selection: How the epoch of each run was chosen, of SELECTIONS.
        failures: Label -> (target, seed, reason) of each failed run.
        chance: Score of guessing, a fraction, for the tables.

    Returns:
        The comparison, with the methods in the order of `scores`.

    Raises:
        TypeError: A score is not a number, or `targets` is a string.
        ValueError: A value is not as said above; the message names the
            method, if any.
    """
    failures = failures or {}
    targets, seeds = distinct('targets', targets), distinct('seeds', seeds)
    check_scores(scores, targets, seeds, baseline, selection, failures, chance)
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
        estimates = {
            target: _estimate(runs.get(target, {}), seeds)
            for target in targets
        }
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
        )
    return Comparison(methods, targets, seeds, baseline, selection, chance)


def _estimate(
    scores: Mapping[int, float], seeds: tuple[int, ...]
) -> Estimate | None:
    """Of the seeds that finished, in a fixed order, so to the last digit."""
    values = [scores[seed] for seed in seeds if seed in scores]
    return mean_interval(values) if values else None
