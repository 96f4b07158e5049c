# Copyright (c) mmgmp authors.
"""Minimum-norm weights are minimal, and finite for all gradients."""

import pytest
import torch

from mmgmp.models.losses.coral import coral_with_gramian
from mmgmp.utils.min_norm import (
    inverse_norm_weights,
    min_norm_weights,
    off_diagonal_ratio,
)
from tests.models.losses.problems import random_problem

DECADES = 10.0 ** -torch.arange(0, 27, 6.5, dtype=torch.float64)


def simplex_points(count, size):
    """Uniform on the simplex, with points of its faces, (count, size)."""
    points = -torch.rand(count, size, dtype=torch.float64).log()
    points[::2] *= torch.rand(points[::2].shape) < 0.5
    points[:size] = torch.eye(size)
    points = points[points.sum(1) > 0]
    return points / points.sum(1, keepdim=True)


def random_gramians(count):
    """Gramians of 1 to 5 vectors, some of them dependent or conflicting."""
    for _ in range(count):
        size, rank = torch.randint(1, 6, (2,)).tolist()
        scales = 10 ** torch.randn(size, 1, dtype=torch.float64)
        vectors = torch.randn(size, rank, dtype=torch.float64) * scales
        yield vectors @ vectors.T


def test_hand_computed_closed_form():
    weights = inverse_norm_weights(torch.tensor([1.0, 2.0, 4.0]))
    torch.testing.assert_close(weights, torch.tensor([4.0, 2.0, 1.0]) / 7)


def test_closed_form_is_never_beaten():
    for _ in range(100):
        size = int(torch.randint(1, 6, ()))
        squares = 10 ** (1.5 * torch.randn(size, dtype=torch.float64))
        weights = inverse_norm_weights(squares)
        assert weights.sum().item() == pytest.approx(1, abs=1e-14)
        value = (squares * weights**2).sum()
        assert value.item() == pytest.approx(1 / (1 / squares).sum().item())
        points = simplex_points(2000, size)
        assert (points.square() @ squares >= value * (1 - 1e-12)).all()


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_closed_form_without_gradients_and_over_26_decades(dtype):
    zeros = torch.zeros(4, dtype=dtype)
    assert torch.equal(inverse_norm_weights(zeros), zeros + 0.25)
    weights = inverse_norm_weights(DECADES.to(dtype))
    assert weights.isfinite().all() and (weights > 0).all()
    # 10^-13 and less count as 10^-12; 10^-6.5 does not.
    expected = 1 / (DECADES + 1e-12)
    expected = expected / expected.sum()
    torch.testing.assert_close(weights.double(), expected, rtol=1e-4, atol=0)


def residual(gramian, weights):
    """Violation of the optimality (KKT) conditions, relative to mean q."""
    slope = gramian @ weights
    excess = slope - weights @ slope
    support = weights > 0
    assert (weights >= 0).all()
    assert weights.sum().item() == pytest.approx(1, abs=1e-13)
    worst = max(-excess.min(), excess[support].abs().max())
    return worst / gramian.diagonal().mean()


def test_exact_weights_are_optimal():
    problems = list(random_gramians(300))
    generator = torch.Generator().manual_seed(0)
    for modalities in (2, 3, 4):
        for _ in range(30):
            features = random_problem(generator, modalities)
            problems.append(coral_with_gramian(*features)[1])
    supports = set()
    for gramian in problems:
        weights = min_norm_weights(gramian)
        assert residual(gramian, weights) < 1e-10
        supports.add((len(weights), int((weights > 0).sum())))
    # All sizes of support, so also all between an end and the inside.
    assert supports >= {(b, s) for b in (2, 3, 4) for s in range(1, b + 1)}


def test_exact_weights_are_never_beaten():
    for gramian in random_gramians(50):
        weights = min_norm_weights(gramian)
        points = simplex_points(2000, len(weights))
        values = ((points @ gramian) * points).sum(1)
        slack = 1e-10 * gramian.diagonal().mean()
        assert (values >= weights @ gramian @ weights - slack).all()


def test_hand_computed_exact_weights():
    # The shorter of two gradients that point the same way, with all weight;
    # of two that are orthogonal, weights of Theorem 1.
    parallel = torch.tensor([[1.0, 2.0], [2.0, 4.0]])
    assert min_norm_weights(parallel).tolist() == [1, 0]
    # (1, 0) and (-1, 2): the origin's foot is (1/2, 1/2), in the middle.
    opposed = torch.tensor([[1.0, -1.0], [-1.0, 5.0]])
    torch.testing.assert_close(
        min_norm_weights(opposed), torch.tensor([0.75, 0.25])
    )
    squares = torch.tensor([1.0, 2.0, 4.0])
    torch.testing.assert_close(
        min_norm_weights(squares.diag()), inverse_norm_weights(squares)
    )


def test_exact_weights_where_gradients_vanish_or_are_the_same():
    equal = torch.full((3,), 1 / 3, dtype=torch.float64)
    for gramian in (torch.zeros(3, 3), torch.ones(3, 3)):
        found = min_norm_weights(gramian.double())
        torch.testing.assert_close(found, equal, rtol=1e-3, atol=0)
    # A block without gradient is a solution by itself.
    dead = torch.diag(torch.tensor([1.0, 0.0, 1.0]))
    assert min_norm_weights(dead)[1] > 0.999
    assert min_norm_weights(torch.tensor([[3.0]])).tolist() == [1]


def test_exact_weights_over_26_decades():
    roots = DECADES.sqrt()
    correlations = 0.9 * torch.eye(5) + 0.1
    gramian = correlations * roots * roots[:, None]
    weights = min_norm_weights(gramian)
    assert residual(gramian, weights) < 1e-10
    assert weights.argmax() == 4


def test_exact_weights_follow_a_permutation():
    for gramian in random_gramians(30):
        weights = min_norm_weights(gramian)
        order = torch.randperm(len(weights))
        found = min_norm_weights(gramian[order][:, order])
        if torch.linalg.matrix_rank(gramian) == len(gramian):
            torch.testing.assert_close(
                found, weights[order], rtol=1e-6, atol=1e-6
            )


def test_too_many_blocks():
    with pytest.raises(ValueError, match=r'at most 5 blocks, got 6.*closed'):
        min_norm_weights(torch.eye(6))


def test_concatenation_is_redundant_where_the_predicate_says_so():
    generator = torch.Generator().manual_seed(1)
    redundant = []
    for index in range(400):
        modalities = 2 + index % 3
        source, target = random_problem(generator, modalities)
        # Scale the loss of the concatenation by c.
        c = (1, 1 / modalities**2, 0.05, 0.3)[index % 4]
        scales = torch.ones(modalities + 1, dtype=torch.float64)
        scales[-1] = c
        gramian = coral_with_gramian(source, target)[1]
        squares = gramian.diagonal()[:-1]
        excess = (gramian[-1, :-1] - squares) / squares
        redundant.append(bool(excess.sum() >= 1 / c - modalities))
        gamma = min_norm_weights(gramian * scales * scales[:, None])
        assert (gamma[-1] == 0) == redundant[-1]
    assert 50 < sum(redundant) < 350


def test_ratio():
    gramian = torch.tensor([[4.0, 0, -6.0], [0, 2.0, 1.0], [-6.0, 1.0, 9.0]])
    assert off_diagonal_ratio(gramian) == 3
    assert off_diagonal_ratio(torch.tensor([[4.0]])) == 0
    assert off_diagonal_ratio(torch.zeros(3, 3)) == 0
    gramian[0, 0] = 0
    assert off_diagonal_ratio(gramian).item() == pytest.approx(6 / 9e-12)
