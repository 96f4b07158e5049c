# Copyright (c) mmgmp authors.
"""t-SNE keeps neighbours, repeats itself and refuses what it cannot do."""

import sys

import numpy as np
import pytest

from mmgmp.visualization import embed_tsne

GROUPS = np.repeat([0, 1, 2], 12)


@pytest.fixture(scope='module')
def features():
    """Three groups in 60 dimensions, far apart."""
    random = np.random.default_rng(0)
    centers = 20 * random.normal(size=(3, 60))
    noise = random.normal(size=(36, 60))
    return (centers[GROUPS] + noise).astype(np.float32)


def test_groups_stay_together(features):
    points = embed_tsne(features, perplexity=5)
    assert points.shape == (36, 2)
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (GROUPS[distances.argmin(axis=1)] == GROUPS).all()


def test_a_seed_gives_the_same_points(features):
    first, same = (embed_tsne(features, 5, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first, same)


def test_perplexity_matters(features):
    few, many = embed_tsne(features, 2), embed_tsne(features, 20)
    assert np.abs(few - many).max() > 1


@pytest.mark.parametrize('perplexity', [0, -1, 36, 100])
def test_perplexity_is_checked_against_the_samples(features, perplexity):
    message = f'below the number of samples 36, got {perplexity}'
    with pytest.raises(ValueError, match=message):
        embed_tsne(features, perplexity)


def test_fewer_samples_and_channels_than_components(features):
    assert embed_tsne(features[:4, :3], perplexity=1).shape == (4, 2)


def test_equal_features_are_refused():
    with pytest.raises(ValueError, match='all 5 samples have the same'):
        embed_tsne(np.ones((5, 3)), perplexity=2)


def test_without_scikit_learn(features, monkeypatch):
    monkeypatch.setitem(sys.modules, 'sklearn.decomposition', None)
    with pytest.raises(ImportError, match='needs scikit-learn; run: pip'):
        embed_tsne(features, 5)
