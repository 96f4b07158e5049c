# Copyright (c) mmgmp authors.
"""Statistics against scipy and against numbers computed by hand."""

import numpy as np
import pytest
from scipy import stats

from mmgmp.benchmark.statistics import (
    average_ranks,
    holm,
    mean_interval,
    paired_difference,
    smallest_p,
)


def test_interval_by_hand():
    # Deviations -2 to 2: std sqrt(10 / 4), and t(0.975, 4) = 2.776445.
    estimate = mean_interval([0.4, 0.2, 0.5, 0.1, 0.3])
    half = 2.776445105 * 0.15811388301 / 5**0.5
    assert estimate == pytest.approx(
        (0.3, 0.15811388301, 0.3 - half, 0.3 + half, 5), abs=1e-9
    )


def test_interval_of_two_values_is_wide():
    # t(0.975, 1) = 12.7062, std 0.1 / sqrt(2), half width 12.7062 * 0.05.
    estimate = mean_interval([0.5, 0.6])
    assert estimate.high - estimate.mean == pytest.approx(0.63531, abs=1e-5)


@pytest.mark.parametrize('confidence', [0.8, 0.95, 0.99])
def test_interval_equals_scipy(confidence):
    values = np.random.default_rng(1).normal(0.6, 0.05, 7)
    low, high = stats.t.interval(
        confidence, 6, loc=values.mean(), scale=stats.sem(values)
    )
    estimate = mean_interval(values, confidence)
    assert estimate[2:4] == pytest.approx((low, high))


def test_one_value_has_no_interval():
    mean, std, low, high, count = mean_interval([0.7])
    assert (mean, count) == (0.7, 1)
    assert np.isnan([std, low, high]).all()


def test_interval_of_equal_values_has_no_width():
    assert mean_interval([0.5] * 4) == (0.5, 0, 0.5, 0.5, 4)


@pytest.mark.parametrize('values', [[], [0.5, np.nan], [[0.5]], [np.inf]])
def test_invalid_values(values):
    with pytest.raises(ValueError, match='`values` must be finite'):
        mean_interval(values)
    with pytest.raises(ValueError, match='`differences` must be finite'):
        paired_difference([[0.1], values])


def test_difference_needs_a_target():
    with pytest.raises(ValueError, match='an array for each target'):
        paired_difference([])


def test_mean_is_over_targets_and_not_over_pairs():
    # (0.1 + 0.4) / 2, whereas the mean of the five pairs is 0.22.
    difference = paired_difference([[0.1, 0.1, 0.1], [0.3, 0.5]])
    assert difference.mean == pytest.approx(0.25)
    assert difference.n == 5


def test_bootstrap_stays_within_targets():
    # Without noise within a target, every resample has the same mean.
    difference = paired_difference([[0.1] * 4, [-0.5] * 4])
    assert difference[:3] == pytest.approx((-0.2, -0.2, -0.2))


def test_bootstrap_equals_scipy():
    sample = np.sort(np.random.default_rng(2).normal(0.02, 0.03, 6))
    expected = stats.bootstrap(
        (sample,), np.mean, method='percentile', n_resamples=9999, rng=0
    ).confidence_interval
    difference = paired_difference([sample])
    assert difference[1:3] == pytest.approx(tuple(expected), abs=1e-8)


def test_bootstrap_interval_of_two_seeds_is_exact():
    # Means of two draws of (0, 0.2): 0, 0.1 and 0.2 with 1/4, 1/2 and 1/4.
    # For two such targets, 0.05 or less has a probability of 5/16.
    difference = paired_difference([[0.0, 0.2]] * 2, confidence=0.5)
    assert difference[1:3] == pytest.approx((0.05, 0.15))
    assert paired_difference([[0.0, 0.2]] * 2)[1:3] == (0, 0.2)


def test_width_of_the_bootstrap():
    # The variance of the mean over 3 targets, each divided by the count.
    samples = np.random.default_rng(3).normal(0, [[0.01], [0.02], [0.05]])
    samples = samples + np.random.default_rng(4).normal(0, 0.03, (3, 30))
    error = (samples.var(axis=1).sum() / 30) ** 0.5 / 3
    _, low, high, _, _ = paired_difference(samples)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.05)


@pytest.mark.parametrize('shape', [(1, 5), (3, 3), (3, 5)])
def test_p_value_equals_scipy(shape):
    samples = np.random.default_rng(5).normal(0.02, 0.03, shape)
    exact = stats.wilcoxon(samples.ravel(), method='exact').pvalue
    assert paired_difference(samples).p_value == pytest.approx(exact)


def test_p_value_by_hand():
    # Five equal signs: one of 2^5 cases is as extreme, on either side.
    difference = paired_difference([[0.01, 0.02, 0.03, 0.05, 0.08]])
    assert difference.p_value == pytest.approx(2 / 32)
    # Rank 1 against the others: sums of 0 and 1, 2 of 2^5 on either side.
    difference = paired_difference([[-0.01, 0.02, 0.03, 0.05, 0.08]])
    assert difference.p_value == pytest.approx(4 / 32)


def test_ties_of_the_accuracies_are_ties():
    # Sizes 1, 1, 1 and 3 tenths have ranks 2, 2, 2 and 4, and W+ is 8. 4 of
    # the 16 sign patterns give 8 or 10, so the two-sided p is 8 / 16. In
    # floating point only two of the first three are equal: another p.
    differences = [0.3 - 0.2, 0.2 - 0.1, 0.6 - 0.7, 0.9 - 0.6]
    assert len({abs(d) for d in differences}) == 3
    p_value = paired_difference([differences]).p_value
    assert p_value == pytest.approx(8 / 16)
    assert stats.wilcoxon(differences).pvalue != pytest.approx(8 / 16)


def test_six_digits_keep_the_ties():
    rng = np.random.default_rng(4)
    method, baseline = rng.integers(10, 30, (2, 3, 5)) / 60
    difference = method - baseline
    expected = stats.wilcoxon(np.rint(60 * difference).ravel()).pvalue
    stored = method.round(6) - baseline.round(6)
    # Rounding to 9 digits keeps the last stored digit, which breaks ties.
    broken = stats.wilcoxon(stored.round(9).ravel()).pvalue
    assert broken < expected - 0.03
    assert paired_difference(stored).p_value == expected
    assert paired_difference(difference).p_value == expected


def test_floating_point_noise_is_not_a_difference():
    noise = 0.1 + 0.2 - 0.3
    assert noise != 0
    difference = paired_difference([[noise, 0.0, -noise]] * 2)
    assert difference == (0, 0, 0, 1, 6)
    assert not np.signbit(difference[:3]).any()


def test_one_seed_has_no_interval():
    difference = paired_difference([[0.1], [0.2], [0.3]])
    assert difference.mean == pytest.approx(0.2)
    assert np.isnan([difference.low, difference.high]).all()
    assert difference.p_value == pytest.approx(0.25)
    mean, low, high, p_value, count = paired_difference([[0.0]] * 3)
    assert (mean, p_value, count) == (0, 1, 3)
    assert np.isnan([low, high]).all()


def test_order_of_targets_and_seeds_does_not_matter():
    rng = np.random.default_rng(7)
    samples = rng.normal(0.01, 0.03, (3, 4))
    shuffled = [rng.permutation(samples[target]) for target in (2, 0, 1)]
    assert paired_difference(shuffled) == paired_difference(samples)


def test_scale_and_sign_of_a_difference():
    samples = np.random.default_rng(8).normal(0.01, 0.03, (3, 4))
    difference = paired_difference(samples)
    scaled = paired_difference(4 * samples)
    assert scaled[:3] == pytest.approx(np.multiply(4, difference[:3]))
    assert scaled[3:] == difference[3:]
    swapped = paired_difference(-samples)
    assert swapped.mean == -difference.mean
    assert swapped.p_value == difference.p_value
    assert swapped[1:3] == pytest.approx(
        (-difference.high, -difference.low), abs=2e-3
    )


def test_resamples_and_seed_of_the_bootstrap():
    samples = np.random.default_rng(9).normal(0.01, 0.03, (2, 5))
    first = paired_difference(samples, resamples=99)
    assert paired_difference(samples, resamples=99) == first
    assert paired_difference(samples, resamples=99, seed=1) != first


def test_holm_by_hand():
    # Sorted 0.005, 0.01, 0.03, 0.04, times 4, 3, 2, 1: 0.02, 0.03, 0.06 and
    # 0.04, which may not fall below 0.06.
    np.testing.assert_allclose(
        holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]
    )


def test_holm_is_capped_and_skips_what_was_not_compared():
    np.testing.assert_allclose(
        holm([np.nan, 0.6, 0.02, np.nan, 0.7]), [np.nan, 1, 0.06, np.nan, 1]
    )
    np.testing.assert_array_equal(holm([]), [])
    np.testing.assert_array_equal(holm([0.3]), [0.3])
    np.testing.assert_array_equal(holm([np.nan]), [np.nan])


def test_holm_lies_between_the_p_value_and_bonferroni():
    p_values = np.random.default_rng(10).uniform(0, 0.2, 8)
    adjusted = holm(p_values)
    assert (adjusted >= p_values).all()
    assert (adjusted <= np.minimum(8 * p_values, 1)).all()
    order = np.argsort(p_values)
    assert (np.diff(adjusted[order]) >= 0).all()
    np.testing.assert_array_equal(holm(p_values[order]), adjusted[order])


@pytest.mark.parametrize('p_value', [-0.1, 1.1])
def test_holm_needs_probabilities(p_value):
    with pytest.raises(ValueError, match='within 0 and 1'):
        holm([0.5, p_value])


def test_ranks_with_ties_by_hand():
    # First block: 0.9 is 1, both 0.5 share 2 and 3. Second: all share 2.
    # Third: 0.1 + 0.2 equals 0.3.
    scores = [[0.9, 0.5, 0.1 + 0.2], [0.5, 0.5, 0.3], [0.5, 0.5, 0.4]]
    np.testing.assert_allclose(
        average_ranks(scores), [5.5 / 3, 7 / 3, 5.5 / 3]
    )


def test_ranks_add_up_and_follow_the_methods():
    scores = np.random.default_rng(11).integers(0, 5, (4, 6)) / 5
    ranks = average_ranks(scores)
    assert ranks.sum() == pytest.approx(10)
    order = [2, 0, 3, 1]
    np.testing.assert_array_equal(average_ranks(scores[order]), ranks[order])


@pytest.mark.parametrize('comparisons', [1, 4])
@pytest.mark.parametrize('pairs', [1, 3, 6])
def test_smallest_p_is_the_p_of_the_best_methods(pairs, comparisons):
    best = paired_difference([np.arange(1, pairs + 1) / 100]).p_value
    adjusted = holm([best] * comparisons)
    np.testing.assert_allclose(adjusted, smallest_p(pairs, comparisons))
