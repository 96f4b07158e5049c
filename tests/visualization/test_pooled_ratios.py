# Copyright (c) mmgmp authors.
"""Mean and range of the discrepancy ratios over runs."""

import numpy as np
import pytest

from mmgmp.visualization.pooled_ratios import moving_average, pool_ratios

STEPS = np.array([5, 10, 15])


def run(*values, steps=STEPS):
    return {'rho': {'video': (steps, np.array(values))}}


def test_geometric_mean_and_range():
    pooled = pool_ratios({'a': run(1, 2.0, 4), 'b': run(9, 0.5, 4)})
    ratio = pooled['rho']['video']
    np.testing.assert_array_equal(ratio.steps, STEPS)
    # A ratio and its inverse balance each other.
    np.testing.assert_allclose(ratio.mean, [3, 1, 4])
    np.testing.assert_allclose(ratio.low, [1, 0.5, 4])
    np.testing.assert_allclose(ratio.high, [9, 2, 4])


def test_each_run_is_smoothed_before():
    pooled = pool_ratios({'a': run(1, 3.0, 8), 'b': run(4, 12.0, 2)}, 3)
    ratio = pooled['rho']['video']
    # Means over the neighbours: 2, 4, 5.5 and 8, 6, 7.
    np.testing.assert_allclose(ratio.low, [2, 4, 5.5])
    np.testing.assert_allclose(ratio.high, [8, 6, 7])
    np.testing.assert_allclose(ratio.mean, [4, 24**0.5, 38.5**0.5])


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
            r"run b has the ratios \['sigma.video'\], but run a of the same "
            r"label has \['rho.video'\]",
        ),
        (
            {'rho': {'audio': (STEPS, STEPS)}},
            r"run b has the ratios \['rho.audio'\]",
        ),
    ],
)
def test_runs_that_do_not_match_are_named(other, message):
    with pytest.raises(ValueError, match=message):
        pool_ratios({'a': run(1, 2, 3), 'b': other})
