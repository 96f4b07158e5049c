# Copyright (c) mmgmp authors.
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from .style import (
    COLORS,
    COLUMN_WIDTH,
    MARKERS,
    STYLE,
    add_legend,
    check_out,
    save,
)

MAX_CLASSES = 10  # one digit each
PANEL_HEIGHT = 1.6  # inches
LAYERS = 8  # of each group, drawn in turn with those of the others


class Group(NamedTuple):
    """Samples of one class or domain, and how they are drawn."""

    name: str
    members: np.ndarray  # (N,) bool
    style: dict


def plot_embedding(
    embeddings: dict[str, np.ndarray],
    labels: Sequence[int],
    classes: Sequence[str],
    domains: Sequence[str],
    out: str | Path,
    unseen: Sequence[str] = (),
) -> Figure:
    """Draw features in a plane, by class and by domain (GMP, Fig. 3).

    One row per method, of two panels with the same points: on the left each
    is the digit of its class, on the right the marker of its domain.

    Args:
        embeddings: Method -> (N, 2) points of the same N samples, such as
            :func:`embed_tsne` gives.
        labels: N classes, as indices into `classes`.
        classes: Names of the classes, at most 10.
        domains: N names of domains.
        out: File to write, ``.png`` or ``.pdf``; its folder is created.
        unseen: Domains that the legend calls unseen.

    Returns:
        The figure.

    Raises:
        ValueError: `out` has another suffix, there are no methods, the
            lengths differ, a label has no class, or there are more classes
            than digits or more domains than markers.
    """
    out = check_out(out)
    labels = np.asarray(labels)
    domains = np.asarray(domains)
    _check(embeddings, labels, classes, domains)
    by_class = [
        Group(name, labels == index, _digit(index))
        for index, name in enumerate(classes)
    ]
    by_domain = [
        Group(
            f'{name} (unseen)' if name in unseen else name,
            domains == name,
            _shape(index),
        )
        for index, name in enumerate(dict.fromkeys(domains.tolist()))
    ]
    with rc_context(STYLE):
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
            row[0].set_ylabel(method)
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
    domains: np.ndarray,
) -> None:
    if not embeddings:
        raise ValueError('`embeddings` holds no method')
    size = len(labels)
    if len(domains) != size:
        raise ValueError(
            f'`domains` must be of the {size} samples of `labels`, got '
            f'{len(domains)}'
        )
    for method, points in embeddings.items():
        if points.shape != (size, 2):
            raise ValueError(
                f'`embeddings` of {method!r} must be of shape ({size}, 2), '
                f'one point per label, got {points.shape}'
            )
    names = sorted(set(domains.tolist()))
    for name, found, most in (
        ('classes', classes, MAX_CLASSES),
        ('domains', names, len(MARKERS)),
    ):
        if len(found) > most:
            raise ValueError(
                f'`{name}` must be at most {most}, which is how many can be '
                f'told apart, got {len(found)}: {list(found)}'
            )
    wrong = sorted({x for x in labels.tolist() if not 0 <= x < len(classes)})
    if wrong:
        raise ValueError(
            f'`labels` has {wrong}, but `classes` names {len(classes)}'
        )


def _digit(index: int) -> dict:
    """Style of a class: its digit."""
    return dict(
        color=COLORS[index % len(COLORS)],
        marker=f'${index}$',
        markersize=4.2,
        markeredgewidth=0.3,
    )


def _shape(index: int) -> dict:
    """Style of a domain: its marker."""
    marker, fill = MARKERS[index]
    return dict(
        color=COLORS[index],
        marker=marker,
        fillstyle=fill,
        markersize=3,
        markeredgewidth=0.6,
    )


def _draw_group(ax: Axes, points: np.ndarray, group: Group) -> None:
    """Draw a group in layers, so that it hides no other one."""
    own = points[group.members]
    for layer in range(LAYERS):
        ax.plot(
            *own[layer::LAYERS].T,
            label=None if layer else group.name,
            linestyle='none',
            zorder=2 + layer / LAYERS,
            path_effects=[withStroke(linewidth=1.2, foreground='white')],
            **group.style,
        )
