# Copyright (c) mmgmp authors.
"""Embedding by t-SNE, and its figure: glyphs, markers, legends, errors."""

import sys

import numpy as np
import pytest

from mmgmp.datasets import MiniHACDataset
from mmgmp.visualization import embed_tsne, plot_embedding
from mmgmp.visualization.style import MARKERS
from tests.utils.figures import assert_readable, legend_texts

CLASSES = MiniHACDataset.METAINFO['classes']
DOMAINS = ('human', 'animal', 'cartoon')
LABELS = np.tile(np.arange(7), 9)
NAMES = np.repeat(DOMAINS, 21).tolist()
POINTS = np.random.default_rng(0).normal(size=(63, 2))


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('figures') / 'new'


@pytest.fixture(scope='module')
def figure(folder):
    return plot_embedding(
        {'Base': POINTS, 'GMP (as released)': POINTS[:, ::-1]},
        LABELS,
        CLASSES,
        NAMES,
        folder / 'tsne.png',
        unseen=['cartoon'],
    )


def drawn(ax):
    """Marker -> its points, as a set."""
    points = {}
    for line in ax.lines:
        marker = line.get_marker(), line.get_fillstyle()
        points.setdefault(marker, []).extend(zip(*line.get_data()))
    return {marker: sorted(places) for marker, places in points.items()}


def places(points, members):
    return sorted(map(tuple, points[np.array(members)]))


def test_each_class_has_its_digit(figure):
    for row, points in enumerate((POINTS, POINTS[:, ::-1])):
        by_class = drawn(figure.axes[2 * row])
        assert len(by_class) == 7
        for index in range(7):
            found = by_class[f'${index}$', 'full']
            assert found == places(points, index == LABELS)


def test_each_domain_has_its_marker(figure):
    for row, points in enumerate((POINTS, POINTS[:, ::-1])):
        by_domain = drawn(figure.axes[2 * row + 1])
        assert len(by_domain) == 3
        for name, marker in zip(DOMAINS, MARKERS):
            members = [other == name for other in NAMES]
            assert by_domain[marker] == places(points, members)


def test_no_group_lies_on_top_of_another(figure):
    for ax in figure.axes:
        lines = sorted(ax.lines, key=lambda line: line.get_zorder())
        groups = len({line.get_marker() for line in lines})
        for start in range(0, len(lines), groups):
            layer = lines[start : start + groups]
            assert len({line.get_marker() for line in layer}) == groups


def test_names(figure):
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ['by class', 'by domain', '', '']
    rows = [ax.get_ylabel() for ax in figure.axes]
    assert rows == ['Base', '', 'GMP (as released)', '']
    domains = ['human', 'animal', 'cartoon (unseen)']
    assert legend_texts(figure) == [*domains, *CLASSES]
    handles = figure.legends[1].legend_handles
    digits = [handle.get_marker() for handle in handles]
    assert digits == [f'${i}$' for i in range(7)]


def test_readable(figure):
    assert figure.get_figwidth() == pytest.approx(3.3)
    assert_readable(figure)


def test_class_without_samples_keeps_its_digit(tmp_path):
    figure = plot_embedding(
        {'GMP': POINTS[:2]},
        [2, 0],
        CLASSES[:3],
        ['human', 'human'],
        tmp_path / 'tsne.pdf',
    )
    assert legend_texts(figure) == ['human', *CLASSES[:3]]
    by_class = drawn(figure.axes[0])
    assert by_class['$2$', 'full'] == places(POINTS, [0])
    assert by_class['$1$', 'full'] == []


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(out='tsne.gif'), 'must end in .png or .pdf'),
        (dict(embeddings={}), '`embeddings` has no method'),
        (dict(domains=['human']), 'each of the 2 `labels`, got 1'),
        (
            dict(embeddings={'GMP': POINTS[:3]}),
            r"of 'GMP' must be of shape \(2, 2\).* got \(3, 2\)",
        ),
        (dict(labels=[0, 3]), r'`labels` has \[3\], but `classes` has 3'),
        (dict(labels=[0, -1]), r'`labels` has \[-1\]'),
        (
            dict(classes=[str(i) for i in range(11)]),
            '`classes` must have at most 10.* got 11',
        ),
        (
            dict(
                embeddings={'GMP': POINTS[:6]},
                labels=[0] * 6,
                domains=list('abcdef'),
            ),
            '`domains` must have at most 5.* got 6',
        ),
    ],
)
def test_wrong_arguments(tmp_path, changes, message):
    arguments = dict(
        embeddings={'GMP': POINTS[:2]},
        labels=[0, 1],
        classes=CLASSES[:3],
        domains=['human', 'animal'],
        out='tsne.png',
    )
    arguments.update(changes)
    arguments['out'] = tmp_path / arguments['out']
    with pytest.raises(ValueError, match=message):
        plot_embedding(**arguments)
    assert not list(tmp_path.iterdir())


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
