# Copyright (c) mmgmp authors.
"""Mean and range over runs of what they logged."""

import numpy as np
import pytest

from mmgmp.visualization.pooled_curves import moving_average, pool_curves

STEPS = np.array([5, 10, 15])


def run(*values, steps=STEPS):
    return {'rho': {'video': (steps, np.array(values))}}


def test_geometric_mean_and_range():
    pooled = pool_curves({'a': run(1, 2.0, 4), 'b': run(9, 0.5, 4)})
    ratio = pooled['rho']['video']
    np.testing.assert_array_equal(ratio.steps, STEPS)
    # A ratio and its inverse balance each other.
    np.testing.assert_allclose(ratio.mean, [3, 1, 4])
    np.testing.assert_allclose(ratio.low, [1, 0.5, 4])
    np.testing.assert_allclose(ratio.high, [9, 2, 4])


def test_each_run_is_smoothed_before():
    pooled = pool_curves({'a': run(1, 3.0, 8), 'b': run(4, 12.0, 2)}, 3)
    ratio = pooled['rho']['video']
    # Means over the neighbours: 2, 4, 5.5 and 8, 6, 7.
    np.testing.assert_allclose(ratio.low, [2, 4, 5.5])
    np.testing.assert_allclose(ratio.high, [8, 6, 7])
    np.testing.assert_allclose(ratio.mean, [4, 24**0.5, 38.5**0.5])


def test_arithmetic_mean_of_some():
    runs = {'a': run(1, 2.0, 4), 'b': run(9, 0.5, 4)}
    ratio = pool_curves(runs, arithmetic=['rho'])['rho']['video']
    np.testing.assert_allclose(ratio.mean, [5, 1.25, 4])
    np.testing.assert_allclose(ratio.low, [1, 0.5, 4])


@pytest.mark.parametrize('arithmetic', [(), ('rho',)])
def test_only_runs_with_a_value_count(arithmetic):
    runs = {'a': run(np.nan, 2.0, np.nan), 'b': run(9, np.inf, np.nan)}
    ratio = pool_curves(runs, arithmetic=arithmetic)['rho']['video']
    for values in (ratio.mean, ratio.low, ratio.high):
        np.testing.assert_allclose(values, [9, 2, np.nan])


def test_geometric_mean_passes_over_zeros():
    ratio = pool_curves({'a': run(0, 0, 1), 'b': run(9, 0, 4)})['rho']['video']
    np.testing.assert_allclose(ratio.mean, [9, np.nan, 2])


def test_moving_average_over_missing_values():
    values = np.array([1.0, np.nan, np.nan, np.nan, 4, 8])
    np.testing.assert_allclose(
        moving_average(values, 3), [1, 1, np.nan, 4, 6, 6]
    )


def test_moving_average_of_more_points_than_there_are():
    values = np.array([1.0, 2.0, 6.0])
    np.testing.assert_allclose(moving_average(values, 9), [1.5, 3, 4])
    np.testing.assert_allclose(moving_average(values, 1), values)
    assert len(moving_average(np.array([]), 3)) == 0


@pytest.mark.parametrize(
    ('other', 'message'),
    [
        (
            run(1, 2, steps=STEPS[:2]),
            'run b has 2 logged iterations from 5 to 10, but run a of the '
            'same label has 3 logged iterations from 5 to 15',
        ),
        (run(1, 2, 3, steps=STEPS + 1), 'run b has 3 .* from 6 to 16'),
        (run(steps=STEPS[:0]), 'run b has no logged iterations'),
        (
            {'sigma': run(1, 2, 3)['rho']},
            r"run b has the curves \['sigma.video'\], but run a of the same "
            r"label has \['rho.video'\]",
        ),
        (
            {'rho': {'audio': (STEPS, STEPS)}},
            r"run b has the curves \['rho.audio'\]",
        ),
    ],
)
def test_runs_that_do_not_match_are_named(other, message):
    with pytest.raises(ValueError, match=message):
        pool_curves({'a': run(1, 2, 3), 'b': other})
