# Copyright (c) mmgmp authors.
"""Weighted source metrics against values by hand, libraries and limits."""

from math import exp

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KernelDensity

from mmgmp.evaluation.functional.source_weighting import (
    _controlled_mean,
    deep_embedded_validation,
    importance_weighted_accuracy,
    whitened_components,
)


@pytest.fixture
def domains():
    """(60, 8) and (45, 8) embeddings, shifted, and 60 losses."""
    generator = np.random.default_rng(0)
    scales = np.array([4, 3, 2, 1.5, 1, 0.5, 0.2, 0.1])
    source = generator.standard_normal((60, 8)) * scales
    target = generator.standard_normal((45, 8)) * scales + scales / 2
    return source, target, np.log1p(np.exp(source[:, 0] / 4))


def naive_components(source, target):
    """Projection onto eigenvectors of the covariance, as a reference."""
    features = np.concatenate([source, target])
    features = features - features.mean(axis=0)
    values, vectors = np.linalg.eigh(features.T @ features / len(features))
    components = features @ vectors[:, -5:] / np.sqrt(values[-5:])
    return components[: len(source)], components[len(source) :]


def test_components_are_white_and_common(domains):
    source, target = whitened_components(*domains[:2])
    features = np.concatenate([source, target])
    assert features.shape == (105, 5)
    assert features.mean(axis=0) == pytest.approx(np.zeros(5))
    assert np.cov(features.T, ddof=0) == pytest.approx(np.eye(5))
    distances, expected = (
        np.linalg.norm(left[:45] - right, axis=1)
        for left, right in ((source, target), naive_components(*domains[:2]))
    )
    assert distances == pytest.approx(expected)


def test_components_without_variance_are_left_out():
    generator = np.random.default_rng(0)
    line = generator.standard_normal((9, 1)) * [1.0, 2.0, 0.0] + 7
    noise = 1e-8 * generator.standard_normal((9, 3))
    source, target = whitened_components(line[:4] + noise[:4], line[4:])
    assert source.shape == (4, 1)
    assert target.shape == (5, 1)


def test_importance_weighted_accuracy():
    """Whitened, -1 and 1 are 4 / sqrt(3) apart; the weights are k to 1."""
    kernel = exp(-16 / 3 / (2 * 2 ** (-2 / 5)))
    source, target = np.array([[-1.0], [1]]), np.array([[1.0], [1]])
    far, near = np.array([True, False]), np.array([False, True])
    assert importance_weighted_accuracy(source, target, far) == pytest.approx(
        kernel / (1 + kernel)
    )
    assert importance_weighted_accuracy(source, target, near) == pytest.approx(
        1 / (1 + kernel)
    )


def test_importance_weighted_accuracy_by_scikit_learn(domains):
    source, target = naive_components(*domains[:2])
    kernel = KernelDensity(bandwidth=45 ** (-1 / 9))
    ratios = np.exp(
        kernel.fit(target).score_samples(source)
        - kernel.fit(source).score_samples(source)
    )
    correct = domains[2] < 0.7
    score = importance_weighted_accuracy(*domains[:2], correct)
    assert isinstance(score, float)
    assert score == pytest.approx(
        ratios[correct].sum() / ratios.sum(), rel=1e-3
    )


@pytest.mark.parametrize('copies', [1, 3])
def test_equal_domains_give_the_plain_accuracy(domains, copies):
    """Also when one domain has more samples than the other."""
    source, _, losses = domains
    correct = losses < 0.6
    target = np.tile(source, (copies, 1))
    assert importance_weighted_accuracy(
        source, target, correct
    ) == pytest.approx(correct.mean())


def test_samples_near_the_target_count():
    generator = np.random.default_rng(0)
    source = generator.standard_normal((80, 3))
    source[40:] += 6
    target = generator.standard_normal((50, 3)) + 6
    near = np.arange(80) >= 40
    assert importance_weighted_accuracy(source, target, near) > 0.97
    assert importance_weighted_accuracy(source, target, ~near) < 0.03


def test_densities_that_underflow():
    """At 40 bandwidths a density is below the smallest float."""
    source = 1e-3 * np.random.default_rng(0).standard_normal((1600, 1))
    target = np.array([[1e3]])
    correct = source[:, 0] > 0
    score = importance_weighted_accuracy(source, target, correct)
    assert score == pytest.approx(correct.mean(), abs=0.01)


@pytest.mark.parametrize(
    'scores',
    [
        lambda s, t, losses: importance_weighted_accuracy(s, t, losses < 0.7),
        deep_embedded_validation,
    ],
    ids=['iw', 'dev'],
)
def test_scale_rotation_and_offset_of_the_features(domains, scores):
    source, target, losses = domains
    generator = np.random.default_rng(1)
    rotation, _ = np.linalg.qr(generator.standard_normal((8, 8)))
    expected = scores(source, target, losses)
    assert expected == scores(source, target, losses)
    assert scores(
        1e4 * source @ rotation + 9, 1e4 * target @ rotation + 9, losses
    ) == pytest.approx(expected, rel=1e-4)


def test_order_of_the_samples(domains):
    source, target, losses = domains
    order = np.random.default_rng(1).permutation(60)
    assert importance_weighted_accuracy(
        source[order], target[::-1], losses[order] < 0.7
    ) == pytest.approx(
        importance_weighted_accuracy(source, target, losses < 0.7)
    )
    assert deep_embedded_validation(
        source[order], target[::-1], losses[order]
    ) == pytest.approx(
        deep_embedded_validation(source, target, losses), abs=0.05
    )


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('count', [2, 7, 50])
def test_constant_features_weigh_all_samples_the_same(count):
    source, target = np.full((count, 3), 0.1), np.full((12, 3), 0.1)
    losses = np.random.default_rng(0).random(count)
    assert deep_embedded_validation(source, target, losses) == pytest.approx(
        -losses.mean()
    )
    assert importance_weighted_accuracy(
        source, target, losses < 0.5
    ) == pytest.approx((losses < 0.5).mean())


@pytest.mark.filterwarnings('error')
def test_two_samples_of_one_feature():
    source, target = np.array([[0.0], [1]]), np.array([[0.5], [2]])
    losses = np.array([1.0, 3])
    assert np.isfinite(deep_embedded_validation(source, target, losses))
    score = importance_weighted_accuracy(source, target, losses > 2)
    assert 0.5 < score < 1


def test_controlled_mean():
    """The covariance is -2, the variance 2, eta 1: 1 + 1 * 2 - 1."""
    weights, losses = np.array([1.0, 3]), np.array([2.0, 0])
    assert _controlled_mean(weights, losses) == pytest.approx(2)


def test_weights_that_differ_by_rounding_are_constant():
    losses = np.array([1.0, 5, 2, 4])
    weights = np.array([0.3, 0.3 + 1e-16, 0.3 - 1e-16, 0.3])
    assert weights.var() > 0
    assert _controlled_mean(weights, losses) == pytest.approx(0.9)


def test_deep_embedded_validation_by_loops(domains):
    """With a weighted classifier, and its odds computed by hand."""
    source, target = naive_components(*domains[:2])
    features = np.concatenate([source, target])
    domain = np.repeat([0, 1], [60, 45])
    weights = np.zeros(105)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    for fit, rest in folds.split(features, domain):
        share = np.bincount(domain[fit])[domain[fit]]
        model = LogisticRegression(tol=1e-8)
        model.fit(features[fit], domain[fit], len(fit) / 2 / share)
        for i in rest:
            chance = model.predict_proba(features[i : i + 1])[0]
            weights[i] = chance[1] / chance[0]
    pairs = list(zip(weights[:60], domains[2]))
    mean = sum(w for w, _ in pairs) / 60
    risk = sum(w * loss for w, loss in pairs) / 60
    variance = sum((w - mean) ** 2 for w, _ in pairs)
    covariance = sum((w - mean) * (w * loss - risk) for w, loss in pairs)
    eta = -covariance / variance
    score = deep_embedded_validation(*domains)
    assert isinstance(score, float)
    assert score == pytest.approx(-(risk + eta * mean - eta), rel=1e-3)


def test_equal_losses_are_the_risk_for_any_weights(domains):
    source, target, _ = domains
    score = deep_embedded_validation(source, target, np.full(60, 0.4))
    assert score == pytest.approx(-0.4)


def test_risk_on_the_target():
    """The loss is 2 on the target and 1 on the source."""
    generator = np.random.default_rng(0)
    source = generator.standard_normal((400, 2))
    target = generator.standard_normal((100, 2)) + np.array([1, 0])
    losses = 1 + source[:, 0]
    assert losses.mean() < 1.1
    score = deep_embedded_validation(source, target, losses)
    assert score == pytest.approx(-2, abs=0.3)


@pytest.mark.parametrize(
    'name,value,message',
    [
        ('source_features', np.zeros((0, 2)), 'at least one element'),
        ('source_features', np.zeros(3), '2-d array'),
        ('source_features', np.full((3, 2), np.nan), '6 of its 6 elements'),
        ('source_features', np.zeros((3, 4)), 'equally wide, got 4 and 2'),
        ('target_features', np.zeros((0, 2)), 'at least one element'),
        ('target_features', np.full((3, 2), np.inf), 'must be finite'),
        ('values', np.zeros(0, dtype=bool), 'at least one element'),
        ('values', np.zeros((3, 1), dtype=bool), '1-d array'),
        ('values', np.zeros(2, dtype=bool), '3 rows of source_features.* 2'),
    ],
)
@pytest.mark.parametrize(
    'score,values_name',
    [
        (importance_weighted_accuracy, 'correct'),
        (deep_embedded_validation, 'losses'),
    ],
)
def test_arrays_that_do_not_fit(score, values_name, name, value, message):
    arguments = dict(
        source_features=np.eye(3)[:, :2],
        target_features=np.eye(3)[:, :2],
        values=np.ones(3, dtype=bool),
    )
    arguments[name] = value
    name = values_name if name == 'values' else name
    with pytest.raises(ValueError, match=f'{name} .*{message}'):
        score(*arguments.values())


def test_correct_is_bool():
    with pytest.raises(ValueError, match='correct must be bool, got int64'):
        importance_weighted_accuracy(np.eye(2), np.eye(2), np.array([0, 1]))


def test_losses_are_finite():
    losses = np.array([1.0, np.nan])
    with pytest.raises(ValueError, match='losses must be finite'):
        deep_embedded_validation(np.eye(2), np.eye(2), losses)


def test_cross_fitting_needs_two_samples():
    with pytest.raises(ValueError, match='at least 2 rows .* got 2 and 1'):
        deep_embedded_validation(np.eye(2), np.eye(2)[:1], np.ones(2))
