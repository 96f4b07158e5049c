# Copyright (c) mmgmp authors.
from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from .style import LINES
from .training_log import Curves


class PooledCurve(NamedTuple):
    """What was logged of a modality over the runs of a method.

    All are of shape (T,): the iterations, the mean over the runs, and the
    lowest and the highest run. Where no run has a value they are NaN.
    """

    steps: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


# Label -> quantity -> modality -> mean and range over the runs.
Pooled = dict[str, dict[str, dict[str, PooledCurve]]]


def pool_labels(
    runs: dict[str, dict[str, Curves]],
    smooth: int = 1,
    arithmetic: Collection[str] = (),
) -> Pooled:
    """Mean and range over the runs of each label of a figure.

    Args:
        runs: Label -> name of a run, for errors -> its curves.
        smooth: See :func:`pool_curves`.
        arithmetic: See :func:`pool_curves`.

    Raises:
        ValueError: `smooth` is less than 1, there are no labels or more than
            line styles, a label has no runs, or its runs differ in their
            quantities, modalities or iterations.
    """
    if smooth < 1:
        raise ValueError(f'`smooth` must be at least 1, got {smooth}')
    if not 1 <= len(runs) <= len(LINES):
        raise ValueError(
            f'`runs` must hold 1 to {len(LINES)} labels, which is how many '
            f'line styles can be told apart, got {len(runs)}'
        )
    for label, curves in runs.items():
        if not curves:
            raise ValueError(f'`runs` has no run for the label {label!r}')
    return {
        label: pool_curves(curves, smooth, arithmetic)
        for label, curves in runs.items()
    }


def pool_curves(
    runs: dict[str, Curves],
    smooth: int = 1,
    arithmetic: Collection[str] = (),
) -> dict[str, dict[str, PooledCurve]]:
    """Mean and range over runs, such as the seeds of a method.

    The mean is geometric, so that it is 1 for a ratio and its inverse. Each
    run is smoothed before that. Both pass over values that are not finite,
    and the geometric mean over zeros.

    Args:
        runs: Name of a run -> its curves, such as those of
            :func:`discrepancy_ratios`.
        smooth: Number of logged points in a centred moving average.
        arithmetic: Quantities that have an arithmetic mean instead.

    Returns:
        Quantity -> modality -> mean and range.

    Raises:
        ValueError: A run has other quantities, modalities or iterations than
            the first one; it is named.
    """
    (first, curves), *others = runs.items()
    for name, other in others:
        _check_alike(first, curves, name, other)
    return {
        quantity: {
            modality: _pool(
                steps,
                [
                    moving_average(run[quantity][modality][1], smooth)
                    for run in runs.values()
                ],
                quantity not in arithmetic,
            )
            for modality, (steps, _) in by_modality.items()
        }
        for quantity, by_modality in curves.items()
    }


def modality_names(pooled: Pooled) -> list[str]:
    """Modalities of any label, each once."""
    return list(
        dict.fromkeys(
            modality
            for by_quantity in pooled.values()
            for by_modality in by_quantity.values()
            for modality in by_modality
        )
    )


def moving_average(values: np.ndarray, size: int) -> np.ndarray:
    """Mean over `size` points around each; over fewer at the ends.

    Values that are not finite do not count; NaN if there is no other.
    """
    if not len(values):
        return values
    window = np.ones(min(size, len(values)))
    finite = np.isfinite(values)
    count = np.convolve(finite, window, mode='same')
    total = np.convolve(np.where(finite, values, 0), window, mode='same')
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _pool(
    steps: np.ndarray, values: list[np.ndarray], geometric: bool
) -> PooledCurve:
    runs = np.ma.masked_invalid(values)
    mean = np.exp(np.ma.log(runs).mean(0)) if geometric else runs.mean(0)
    return PooledCurve(
        steps, *(x.filled(np.nan) for x in (mean, runs.min(0), runs.max(0)))
    )


def _check_alike(first: str, curves: Curves, name: str, other: Curves) -> None:
    """Refuse a run that was not logged like the first one."""
    keys, other_keys = (
        sorted(f'{q}.{m}'.rstrip('.') for q in run for m in run[q])
        for run in (curves, other)
    )
    if keys != other_keys:
        raise ValueError(
            f'run {name} has the curves {other_keys}, but run {first} of the '
            f'same label has {keys}: give them different labels'
        )
    for quantity, by_modality in curves.items():
        for modality, (steps, _) in by_modality.items():
            other_steps = other[quantity][modality][0]
            if not np.array_equal(steps, other_steps):
                raise ValueError(
                    f'run {name} has {_span(other_steps)}, but run {first} '
                    f'of the same label has {_span(steps)}: finish the run, '
                    'or give it a label of its own'
                )


def _span(steps: np.ndarray) -> str:
    """Iterations in words."""
    if not len(steps):
        return 'no logged iterations'
    return f'{len(steps)} logged iterations from {steps[0]} to {steps[-1]}'
