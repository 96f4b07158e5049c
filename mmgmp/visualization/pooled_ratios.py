# Copyright (c) mmgmp authors.
from typing import NamedTuple

import numpy as np

from .training_log import Curves


class PooledRatio(NamedTuple):
    """A discrepancy ratio of a modality over the runs of a method.

    All are of shape (T,): the iterations, the geometric mean over the runs,
    and the lowest and the highest run.
    """

    steps: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def pool_ratios(
    runs: dict[str, Curves], smooth: int = 1
) -> dict[str, dict[str, PooledRatio]]:
    """Mean and range of the discrepancy ratios over runs, such as seeds.

    The mean is geometric, so that it is 1 for a ratio and its inverse. Each
    run is smoothed before that.

    Args:
        runs: Name of a run -> its curves of :func:`discrepancy_ratios`.
        smooth: Number of logged points in a centred moving average.

    Returns:
        Ratio -> modality -> mean and range.

    Raises:
        ValueError: A run has other ratios, modalities or iterations than the
            first one; it is named.
    """
    (first, curves), *others = runs.items()
    for name, other in others:
        _check_alike(first, curves, name, other)
    return {
        ratio: {
            modality: _pool(
                steps,
                [
                    moving_average(run[ratio][modality][1], smooth)
                    for run in runs.values()
                ],
            )
            for modality, (steps, _) in by_modality.items()
        }
        for ratio, by_modality in curves.items()
    }


def moving_average(values: np.ndarray, size: int) -> np.ndarray:
    """Mean over `size` points around each; over fewer at the ends."""
    if not len(values):
        return values
    window = np.ones(min(size, len(values)))
    count = np.convolve(np.ones_like(values), window, mode='same')
    return np.convolve(values, window, mode='same') / count


def _pool(steps: np.ndarray, values: list[np.ndarray]) -> PooledRatio:
    return PooledRatio(
        steps,
        np.exp(np.mean(np.log(values), axis=0)),
        np.min(values, axis=0),
        np.max(values, axis=0),
    )


def _check_alike(first: str, curves: Curves, name: str, other: Curves) -> None:
    """Refuse a run that was not logged like the first one."""
    keys, other_keys = (
        sorted(f'{ratio}.{m}' for ratio in run for m in run[ratio])
        for run in (curves, other)
    )
    if keys != other_keys:
        raise ValueError(
            f'run {name} has the ratios {other_keys}, but run {first} of the '
            f'same label has {keys}: give them different labels'
        )
    for ratio, by_modality in curves.items():
        for modality, (steps, _) in by_modality.items():
            other_steps = other[ratio][modality][0]
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
