# Copyright (c) mmgmp authors.
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike

from .style import (
    COLORS,
    COLUMN_WIDTH,
    MARKERS,
    add_legend,
    check_out,
    plain,
    save,
    styled,
)

MAX_CLASSES = 10  # each has a digit
PANEL_HEIGHT = 1.6  # inches
PCA_CHANNELS = 50
LAYERS = 8  # parts of each group, drawn in turn with those of the others


class Group(NamedTuple):
    """Samples of one class or domain, and their style."""

    name: str
    members: np.ndarray  # (N,) bool
    style: dict


@styled
def plot_embedding(
    embeddings: dict[str, np.ndarray],
    labels: ArrayLike,
    classes: Sequence[str],
    domains: Sequence[str],
    out: str | Path,
    unseen: Sequence[str] = (),
) -> Figure:
    """Draw features in a plane, by class and by domain (GMP, Fig. 3).

    Each method has a row of two panels with the same points. On the left, a
    point is drawn as the digit of its class; on the right, as the marker of
    its domain.

    Args:
        embeddings: Method -> (N, 2) points of the same N samples, such as
            those of :func:`embed_tsne`.
        labels: (N,) classes, as indices into `classes`.
        classes: Names of the classes, at most 10.
        domains: N names of domains.
        out: File to write, ``.png`` or ``.pdf``; its folder is created.
        unseen: Domains that the legend marks as unseen.

    Returns:
        The figure.

    Raises:
        ValueError: `out` has another suffix, there are no methods, the lengths
            differ, a label is not an index of a class, or there are more
            classes than digits or more domains than markers.
    """
    out = check_out(out)
    indices = np.asarray(labels)
    _check(embeddings, indices, classes, domains)
    by_class = [
        Group(name, indices == index, _digit(index))
        for index, name in enumerate(classes)
    ]
    by_domain = [
        Group(
            f'{name} (unseen)' if name in unseen else name,
            np.array(domains) == name,
            _shape(index),
        )
        for index, name in enumerate(dict.fromkeys(domains))
    ]
    figure = Figure(
        figsize=(COLUMN_WIDTH, 1.2 + PANEL_HEIGHT * len(embeddings)),
        layout='constrained',
    )
    axes = figure.subplots(len(embeddings), 2, squeeze=False)
    for row, (method, points) in zip(axes, embeddings.items()):
        for ax, groups in zip(row, (by_class, by_domain)):
            for group in groups:
                _draw_group(ax, points, group)
            ax.set(xticks=[], yticks=[])
        row[0].set_ylabel(plain(method))
    axes[0, 0].set_title('by class')
    axes[0, 1].set_title('by domain')
    add_legend(figure, axes[0, 1:], 'outside upper center', handle=1)
    add_legend(figure, axes[0, :1], 'outside lower center', handle=1)
    save(figure, out)
    return figure


def _check(
    embeddings: dict[str, np.ndarray],
    labels: np.ndarray,
    classes: Sequence[str],
    domains: Sequence[str],
) -> None:
    if not embeddings:
        raise ValueError('`embeddings` has no method')
    size = len(labels)
    if len(domains) != size:
        raise ValueError(
            f'`domains` must have a name for each of the {size} `labels`, '
            f'got {len(domains)}'
        )
    for method, points in embeddings.items():
        if points.shape != (size, 2):
            raise ValueError(
                f'`embeddings` of {method!r} must be of shape ({size}, 2), '
                f'one point per label, got {points.shape}'
            )
    for name, found, most in (
        ('classes', classes, MAX_CLASSES),
        ('domains', sorted(set(domains)), len(MARKERS)),
    ):
        if len(found) > most:
            raise ValueError(
                f'`{name}` must have at most {most} names, because there are '
                f'only {most} symbols, got {len(found)}: {list(found)}'
            )
    wrong = sorted({x for x in labels.tolist() if not 0 <= x < len(classes)})
    if wrong:
        raise ValueError(
            f'`labels` has {wrong}, but `classes` has {len(classes)} names'
        )


def _digit(index: int) -> dict:
    """Draw a class as its digit."""
    return dict(
        color=COLORS[index % len(COLORS)],
        marker=f'${index}$',
        markersize=4.2,
        markeredgewidth=0.3,
    )


def _shape(index: int) -> dict:
    """Draw a domain as its marker."""
    marker, fill = MARKERS[index]
    return dict(
        color=COLORS[index],
        marker=marker,
        fillstyle=fill,
        markersize=3,
        markeredgewidth=0.6,
    )


def _draw_group(ax: Axes, points: np.ndarray, group: Group) -> None:
    """Draw a group in layers, so that it does not hide the others."""
    own = points[group.members]
    for layer in range(LAYERS):
        ax.plot(
            *own[layer::LAYERS].T,
            label=None if layer else plain(group.name),
            linestyle='none',
            zorder=2 + layer / LAYERS,
            path_effects=[withStroke(linewidth=1.2, foreground='white')],
            **group.style,
        )


def embed_tsne(
    features: np.ndarray, perplexity: float = 30, seed: int = 0
) -> np.ndarray:
    """Embed features in a plane by t-SNE, after PCA to 50 dimensions.

    Neighbours remain neighbours, but the axes and the distances between groups
    have no meaning. Features are not standardized: those with a larger
    variance count more. The result may depend on the number of threads.

    Args:
        features: (N, D), finite.
        perplexity: Effective number of neighbours of each point, in (0, N).
            Usual values are 5 to 50; low ones show small groups.
        seed: Random state of PCA and t-SNE.

    Returns:
        (N, 2) float32.

    Raises:
        ValueError: The perplexity is not in (0, N), or all samples have the
            same features.
        ImportError: scikit-learn is not installed.
    """
    if not 0 < perplexity < len(features):
        raise ValueError(
            '`perplexity` must be above 0 and below the number of samples '
            f'{len(features)}, got {perplexity}'
        )
    if not np.ptp(features, axis=0).any():
        raise ValueError(
            f'all {len(features)} samples have the same features: there is '
            'nothing to embed'
        )
    try:
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE
    except ModuleNotFoundError as error:
        raise ImportError(
            "t-SNE needs scikit-learn; run: pip install 'scikit-learn'"
        ) from error
    pca = PCA(min(PCA_CHANNELS, *features.shape), random_state=seed)
    tsne = TSNE(perplexity=perplexity, init='pca', random_state=seed)
    return tsne.fit_transform(pca.fit_transform(features))
