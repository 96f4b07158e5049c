# Copyright (c) mmgmp authors.
"""Accuracies and validators against values by hand, loops and extremes."""

from math import e, exp, log, sqrt

import numpy as np
import pytest
from scipy import stats

from mmgmp.evaluation.functional.prediction_scores import (
    batch_nuclear_norm,
    classes_used,
    entropy_score,
    information_maximization,
    mean_class_accuracy,
    soft_neighborhood_density,
    top1_accuracy,
)

SCORES = [
    batch_nuclear_norm,
    classes_used,
    entropy_score,
    information_maximization,
    soft_neighborhood_density,
]


# Predictions 0, 0, 1, 2 for labels 0, 0, 0, 1: class 0 has 2 of 3, class 1
# has 0 of 1, and class 2 is predicted although it has no sample.
PREDICTED = np.eye(3)[[0, 0, 1, 2]]


def test_accuracies():
    labels = np.array([0, 0, 0, 1])
    assert top1_accuracy(PREDICTED, labels) == 0.5
    assert mean_class_accuracy(PREDICTED, labels) == pytest.approx(1 / 3)
    one_class = np.zeros(4, dtype=int)
    assert mean_class_accuracy(PREDICTED, one_class) == 0.5


def test_a_tie_goes_to_the_first_class():
    scores = np.array([[0.5, 0.5]])
    assert top1_accuracy(scores, np.array([0])) == 1.0
    assert top1_accuracy(scores, np.array([1])) == 0.0


@pytest.fixture
def probabilities():
    """(40, 7), some exactly 0, with a class that no sample has."""
    generator = np.random.default_rng(0)
    values = generator.dirichlet(np.full(7, 0.3), size=40)
    values[:, 3] = 0
    values[:5, 2] = 0
    return values / values.sum(axis=1, keepdims=True)


def test_entropy_score():
    half = np.array([[0.5, 0.5], [1, 0]])
    assert entropy_score(half) == pytest.approx(-log(2) / 2)


def test_information_maximization():
    half = np.array([[0.5, 0.5], [1, 0]])
    marginal = -0.75 * log(0.75) - 0.25 * log(0.25)
    expected = marginal - log(2) / 2
    assert information_maximization(half) == pytest.approx(expected)


def test_soft_neighborhood_density():
    """Samples 0 and 1 have similarities 1 and 0, sample 2 has 0 and 0."""
    rows = np.eye(2)[[0, 0, 1]]
    near = log(1 + e) - e / (1 + e)
    assert soft_neighborhood_density(rows, temperature=1) == pytest.approx(
        (2 * near + log(2)) / 3
    )
    sharp = log(1 + exp(-20)) + 20 * exp(-20) / (1 + exp(-20))
    assert soft_neighborhood_density(rows) == pytest.approx(
        (2 * sharp + log(2)) / 3, rel=1e-12
    )


def test_batch_nuclear_norm():
    """The singular values are the roots of the class counts, 3 and 1."""
    rows = np.eye(2)[[0, 0, 0, 1]]
    assert batch_nuclear_norm(rows) == pytest.approx((1 + sqrt(3)) / 4)


def test_classes_used():
    assert classes_used(np.eye(4)[[0, 0, 2]]) == 0.5
    assert classes_used(np.full((3, 4), 0.25)) == 0.25


def test_uniform_predictions():
    uniform = np.full((6, 4), 0.25)
    assert entropy_score(uniform) == pytest.approx(-log(4))
    assert information_maximization(uniform) == pytest.approx(0)
    assert soft_neighborhood_density(uniform) == pytest.approx(log(5))
    assert batch_nuclear_norm(uniform) == pytest.approx(1 / sqrt(6 * 4))


def test_certain_predictions_spread_over_the_classes():
    certain = np.eye(4)
    assert entropy_score(certain) == 0
    assert information_maximization(certain) == pytest.approx(log(4))
    assert soft_neighborhood_density(certain) == pytest.approx(log(3))
    assert batch_nuclear_norm(certain) == pytest.approx(1)
    assert classes_used(certain) == 1


def test_collapse_has_the_best_entropy_and_density_only():
    collapsed = np.eye(4)[[1] * 6]
    spread = np.eye(4)[[0, 1, 2, 3, 0, 1]]
    assert entropy_score(collapsed) == 0
    assert soft_neighborhood_density(collapsed) == pytest.approx(log(5))
    for score in (information_maximization, batch_nuclear_norm, classes_used):
        assert score(collapsed) < score(spread)
    assert information_maximization(collapsed) == 0
    assert classes_used(collapsed) == 0.25


def test_entropies_equal_scipy(probabilities):
    entropies = stats.entropy(probabilities, axis=1)
    marginal = stats.entropy(probabilities.mean(axis=0))
    assert entropy_score(probabilities) == pytest.approx(-entropies.mean())
    assert information_maximization(probabilities) == pytest.approx(
        marginal - entropies.mean()
    )


def test_soft_neighborhood_density_by_loops(probabilities):
    total = 0.0
    for i, row in enumerate(probabilities):
        kernels = [
            exp(row @ other / sqrt(row @ row) / sqrt(other @ other) / 0.05)
            for j, other in enumerate(probabilities)
            if j != i
        ]
        for kernel in kernels:
            share = kernel / sum(kernels)
            total -= share * log(share)
    assert soft_neighborhood_density(probabilities) == pytest.approx(
        total / len(probabilities)
    )


def test_batch_nuclear_norm_from_the_gram_matrix(probabilities):
    squares = np.linalg.eigvalsh(probabilities.T @ probabilities)
    expected = np.sqrt(squares.clip(0)).sum() / len(probabilities)
    assert batch_nuclear_norm(probabilities) == pytest.approx(expected)


@pytest.mark.parametrize('score', SCORES)
def test_order_and_precision_of_the_samples(score, probabilities):
    expected = score(probabilities)
    assert isinstance(expected, float)
    order = np.random.default_rng(1).permutation(len(probabilities))
    assert score(probabilities[order]) == pytest.approx(expected)
    assert score(probabilities[:, ::-1]) == pytest.approx(expected)
    single = probabilities.astype(np.float32)
    assert score(single) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('score', SCORES)
@pytest.mark.parametrize(
    'shape,expected',
    [((1, 1), [1, 1, 0, 0, 0]), ((2, 1), [0.5**0.5, 1, 0, 0, 0])],
)
def test_one_class(score, shape, expected):
    value = score(np.ones(shape))
    assert value == pytest.approx(expected[SCORES.index(score)])


def test_one_sample_has_no_neighborhood():
    assert soft_neighborhood_density(np.array([[0.3, 0.7]])) == 0


@pytest.mark.parametrize('score', SCORES)
@pytest.mark.parametrize(
    'values,message',
    [
        (np.zeros((0, 3)), r'probabilities must be a 2-d.*\(0, 3\)'),
        (np.zeros((3, 0)), r'probabilities must be a 2-d.*\(3, 0\)'),
        (np.ones(3) / 3, 'probabilities must be a 2-d'),
        ([[np.nan, 1.0]], 'probabilities must be finite, but 1 of its 2'),
        ([[0.5, np.inf]], 'probabilities must be finite'),
        ([[1.5, -0.5]], 'output of a softmax, but the minimum is -0.5'),
        ([[0.5, 0.5], [3, 2]], 'row 1 sums to 5'),
    ],
)
def test_invalid_probabilities(score, values, message):
    with pytest.raises(ValueError, match=message):
        score(np.asarray(values))


@pytest.mark.parametrize('temperature', [0, -1, float('nan')])
def test_temperature_is_positive(temperature):
    with pytest.raises(ValueError, match='temperature must be above 0'):
        soft_neighborhood_density(np.eye(2), temperature)
