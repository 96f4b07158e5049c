# Copyright (c) mmgmp authors.
"""Statistics of repeated runs: pure functions of arrays of scores."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

# Results are rounded to this many digits, so that floating-point noise around
# zero becomes zero.
DECIMALS = 9

# Absolute differences closer than this are tied in ranks. Accuracies are
# counts divided by numbers of clips, so many differences are equal, and the
# ranks must show these ties. But 0.3 - 0.2 differs from 0.2 - 0.1 in floating
# point, and with 6 stored digits 1/3 - 1/6 and 1/6 - 0 are 1e-6 apart (at most
# 2e-6).
TIE = 3e-6


class Estimate(NamedTuple):
    """Mean of repeated measurements, in the unit of the measurements.

    Attributes:
        mean: Their mean.
        std: Sample standard deviation (with the divisor n - 1).
        low: Lower end of the interval of the mean.
        high: Upper end.
        n: Number of measurements.
    """

    mean: float
    std: float
    low: float
    high: float
    n: int


class Difference(NamedTuple):
    """A method minus its baseline, over pairs with equal target and seed.

    Attributes:
        mean: Mean over targets of the mean over seeds.
        low: Lower end of its interval.
        high: Upper end.
        p_value: Two-sided p-value for no difference, not corrected.
        n: Number of pairs.
    """

    mean: float
    low: float
    high: float
    p_value: float
    n: int


def mean_interval(
    values: Sequence[float] | np.ndarray, confidence: float = 0.95
) -> Estimate:
    """Compute the mean, standard deviation and Student t interval.

    The interval is mean +- t((1 + confidence) / 2, N - 1) std / sqrt(N). It
    is not clipped to the range of the scores.

    Args:
        values: (N,) finite measurements, N at least 1.
        confidence: Confidence level of the interval, in (0, 1).

    Returns:
        The estimate. With one value, std and interval are NaN.

    Raises:
        ValueError: There is no value, or one is not finite.

    Example:
        >>> [round(x, 2) for x in mean_interval([0.5, 0.6, 0.7])]
        [0.6, 0.1, 0.35, 0.85, 3]
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
    """Compute the mean difference, its bootstrap interval and a p-value.

    Targets are fixed and seeds are random, so the bootstrap resamples seeds
    within each target: the interval describes other seeds on these targets,
    not other targets. It is the percentile interval, which stays within the
    observed range and exists even if all seeds of a target agree. The
    bias-corrected interval is undefined in that case, and for so few seeds its
    acceleration is mostly noise. All of these intervals are too narrow
    for few seeds: for normal differences on three targets, a nominal 95 %
    interval covers the true value in about 84 % of cases with 3 seeds, 88 %
    with 5 and 93 % with 10.

    The p-value is that of the Wilcoxon signed-rank test over all pairs
    (:func:`scipy.stats.wilcoxon` with its ``auto`` method: exact up to 13
    pairs, or up to 50 without ties, and a normal approximation beyond). Pairs
    without a difference are left out, and absolute differences less than 3e-6
    apart are tied. The test treats pairs as exchangeable, although pairs of
    the same target share test clips and pairs of the same seed share the
    initialization.

    Args:
        differences: For each target, (S,) finite differences method minus
            baseline, one per seed. The order of targets and seeds does not
            matter.
        confidence: Confidence level of the interval, in (0, 1).
        resamples: Number of bootstrap resamples.
        seed: Seed of the bootstrap, fixed so that tables are reproducible.

    Returns:
        The difference. If a target has one seed, the interval is NaN. If all
        differences are 0, p is 1.

    Raises:
        ValueError: There is no target, one has no difference, or one is not
            finite.
    """
    if not len(differences):
        raise ValueError('`differences` must have an array for each target')
    # Sorted, so that the order of the runs does not change the resamples.
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
    # Adding 0 removes the sign of a negative zero.
    mean, low, high = (np.round([mean, low, high], DECIMALS) + 0.0).tolist()
    return Difference(mean, low, high, float(p_value), len(pairs))


def smallest_p(pairs: int, comparisons: int) -> float:
    """Compute the smallest possible Holm-adjusted p-value.

    The exact signed-rank test of n pairs with equal signs gives 2^(1 - n).
    Holm's correction multiplies the smallest of m p-values by m, and no other
    adjusted p-value is smaller.

    Args:
        pairs: Number of pairs of each comparison.
        comparisons: Number of comparisons.

    Returns:
        The p-value, at most 1.

    Example:
        >>> smallest_p(pairs=6, comparisons=2)
        0.0625
    """
    return min(1.0, 2.0 ** (1 - pairs) * comparisons)


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Adjust p-values for multiple comparisons (Holm, 1979).

    The k-th smallest of m p-values is multiplied by m - k + 1, raised to the
    largest adjusted value before it, and limited to 1.

    Args:
        p_values: (M,) p-values. NaN marks a comparison that was not made; it
            does not count.

    Returns:
        (M,) adjusted p-values in the same order, NaN where there was NaN.

    Raises:
        ValueError: A p-value is not in [0, 1].

    Example:
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]
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
    """Compute the rank of each method, averaged over blocks.

    Args:
        scores: (methods, blocks) finite scores, higher is better.

    Returns:
        (methods,) ranks from 1, the best; tied methods share their mean
        rank.
    """
    scores = np.round(np.asarray(scores, dtype=float), DECIMALS)
    return stats.rankdata(-scores, axis=0).mean(axis=1)


def _merge_ties(differences: np.ndarray) -> np.ndarray:
    """Make absolute values equal if they are almost equal.

    Each absolute value becomes the sum of the steps between the sorted values
    up to it, without steps of at most TIE. Signs and order stay the same.
    """
    sizes = np.abs(differences)
    order = np.argsort(sizes)
    steps = np.diff(sizes[order], prepend=0.0)
    sizes[order] = np.cumsum(np.where(steps > TIE, steps, 0.0))
    return np.copysign(sizes, differences)


def _mean_of_means(*samples: np.ndarray, axis: int) -> np.ndarray:
    """Average the means of the samples along `axis`."""
    return np.mean([sample.mean(axis=axis) for sample in samples], axis=0)


def _finite(name: str, values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Check the values and return them as an array (N,)."""
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ValueError(
            f'`{name}` must be finite numbers in a 1-d array, at least one, '
            f'got {values}'
        )
    return values
