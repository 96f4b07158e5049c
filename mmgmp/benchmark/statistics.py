# Copyright (c) mmgmp authors.
"""Statistics of repeated runs: pure functions on arrays of scores."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

# Results have no more digits than this, so that what is zero but for the noise
# of floating point is zero.
DECIMALS = 9

# Differences whose sizes are this close are tied in ranks. Accuracies are
# counts over numbers of clips, so that many differences are equal, and ranks
# need those ties. But 0.3 - 0.2 is not 0.2 - 0.1 in floating point, and in a
# store of 6 digits 1/3 - 1/6 and 1/6 - 0 are 1e-6 apart (2e-6 at most).
TIE = 3e-6


class Estimate(NamedTuple):
    """Mean of repeated measurements, in their unit.

    Attributes:
        mean: Their mean.
        std: Sample standard deviation (divided by the count less one).
        low: Lower end of the interval of the mean.
        high: Upper end.
        count: Number of measurements.
    """

    mean: float
    std: float
    low: float
    high: float
    count: int


class Difference(NamedTuple):
    """A method less its baseline, over pairs of equal target and seed.

    Attributes:
        mean: Mean over targets of the mean over seeds.
        low: Lower end of its interval.
        high: Upper end.
        p_value: Two-sided, of no difference, not corrected.
        count: Number of pairs.
    """

    mean: float
    low: float
    high: float
    p_value: float
    count: int


def mean_interval(
    values: Sequence[float] | np.ndarray, confidence: float = 0.95
) -> Estimate:
    """Mean with standard deviation and Student t interval.

    The interval is mean +- t((1 + confidence) / 2, N - 1) std / sqrt(N). It
    is not cut at the ends of the scale.

    Args:
        values: (N,) finite measurements, N at least 1.
        confidence: Of the interval, in (0, 1).

    Returns:
        The estimate; with one value, std and interval are NaN.

    Raises:
        ValueError: There is no value, or one is not finite.
    """
    values = _finite('values', values)
    count = len(values)
    mean = float(values.mean())
    if count == 1:
        return Estimate(mean, np.nan, np.nan, np.nan, 1)
    std = float(values.std(ddof=1))
    half = stats.t.ppf((1 + confidence) / 2, count - 1) * std / count**0.5
    return Estimate(mean, std, float(mean - half), float(mean + half), count)


def paired_difference(
    differences: Sequence[Sequence[float] | np.ndarray],
    confidence: float = 0.95,
    resamples: int = 9999,
    seed: int = 0,
) -> Difference:
    """Mean difference over targets, its bootstrap interval and a p-value.

    Targets are fixed and seeds are drawn, so that the bootstrap redraws seeds
    within each target: the interval is about other seeds on these targets,
    not about other targets. It is the percentile interval, which stays within
    what was observed and exists where all seeds of a target agree; the
    bias-corrected one is undefined there, and from so few seeds its
    acceleration is mostly noise. All of them are narrow for few seeds: of
    normal differences on three targets a nominal 95 % covers the truth in
    about 84 % of cases with 3 seeds, 88 % with 5 and 93 % with 10.

    The p-value is of the Wilcoxon signed-rank test over all pairs
    (:func:`scipy.stats.wilcoxon`, whose ``auto`` is exact up to 13 pairs, up
    to 50 without ties, and normal beyond; pairs without a difference are left
    out, and sizes less than 3e-6 apart are tied). It takes pairs as
    exchangeable, although those of one target share its test clips and those
    of one seed the initialization.

    Args:
        differences: For each target, (S,) finite differences method less
            baseline, one per seed. The order of targets and of seeds does not
            matter.
        confidence: Of the interval, in (0, 1).
        resamples: Of the bootstrap.
        seed: Of the bootstrap, fixed so that a table can be made again.

    Returns:
        The difference. Where a target has one seed, the interval is NaN.
        Without any difference, p is 1.

    Raises:
        ValueError: There is no target, one has no difference, or one is not
            finite.
    """
    if not len(differences):
        raise ValueError('`differences` must hold an array for each target')
    # Sorted, so that the same runs in another order are redrawn alike.
    samples = sorted(
        np.sort(_finite('differences', d)).tolist() for d in differences
    )
    pairs = _merge_ties(np.concatenate(samples))
    low = high = np.nan
    if min(map(len, samples)) > 1:
        low, high = stats.bootstrap(
            samples,
            _mean_of_means,
            n_resamples=resamples,
            confidence_level=confidence,
            method='percentile',
            vectorized=True,
            rng=np.random.default_rng(seed),
        ).confidence_interval
    p_value = stats.wilcoxon(pairs).pvalue if pairs.any() else 1.0
    mean = _mean_of_means(*map(np.array, samples), axis=0)
    # Adding 0 takes the sign off a zero.
    mean, low, high = (np.round([mean, low, high], DECIMALS) + 0.0).tolist()
    return Difference(mean, low, high, float(p_value), len(pairs))


def smallest_p(pairs: int, comparisons: int) -> float:
    """Least Holm-adjusted p-value that so many pairs can give.

    The exact signed-rank test of n pairs, all of one sign, gives 2^(1 - n),
    and Holm's correction multiplies the least of m by m, below which none of
    the others falls.

    Args:
        pairs: Number of pairs of each comparison.
        comparisons: Number of comparisons.

    Returns:
        The p-value, at most 1.
    """
    return min(1.0, 2.0 ** (1 - pairs) * comparisons)


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Adjust p-values for their number (Holm, 1979).

    The k-th smallest of m is multiplied by m - k + 1, becomes no smaller than
    those before it, and at most 1.

    Args:
        p_values: (M,) p-values. NaN stands for a comparison that was not
            made and does not count.

    Returns:
        (M,) adjusted p-values in the same order, NaN where there was NaN.

    Raises:
        ValueError: One is not within 0 and 1.
    """
    p_values = np.asarray(p_values, dtype=float)
    made = np.flatnonzero(~np.isnan(p_values))
    if np.any((p_values[made] < 0) | (p_values[made] > 1)):
        raise ValueError(f'`p_values` must be within 0 and 1, got {p_values}')
    order = made[np.argsort(p_values[made])]
    factors = np.arange(len(order), 0, -1)
    adjusted = np.full(p_values.shape, np.nan)
    adjusted[order] = np.maximum.accumulate(p_values[order] * factors)
    return np.minimum(adjusted, 1)


def average_ranks(scores: Sequence | np.ndarray) -> np.ndarray:
    """Rank of each method, averaged over blocks.

    Args:
        scores: (methods, blocks) finite scores, higher is better.

    Returns:
        (methods,) ranks from 1, the best; equal methods share the mean of
        their ranks.
    """
    scores = np.round(np.asarray(scores, dtype=float), DECIMALS)
    return stats.rankdata(-scores, axis=0).mean(axis=1)


def _merge_ties(differences: np.ndarray) -> np.ndarray:
    """Make sizes equal that are as good as equal, in the same order.

    Sizes are the sums of the steps between them, without the small ones.
    """
    sizes = np.abs(differences)
    order = np.argsort(sizes)
    steps = np.diff(sizes[order], prepend=0.0)
    sizes[order] = np.cumsum(np.where(steps > TIE, steps, 0.0))
    return np.copysign(sizes, differences)


def _mean_of_means(*samples: np.ndarray, axis: int) -> np.ndarray:
    """Mean over samples of the mean of each along `axis`."""
    return np.mean([sample.mean(axis=axis) for sample in samples], axis=0)


def _finite(name: str, values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Values as an array (N,), checked."""
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ValueError(
            f'`{name}` must be finite numbers in one dimension, at least one, '
            f'got {values}'
        )
    return values
