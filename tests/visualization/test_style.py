# Copyright (c) mmgmp authors.
"""Styles that differ also without colour, legends that fit, and ticks."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from mmgmp.visualization.style import (
    COLORS,
    COLUMN_WIDTH,
    LINES,
    MARKERS,
    add_legend,
    log_ticks,
    set_log_ticks,
    styled,
)
from tests.utils.figures import assert_readable, legend_texts

LONG = 'GMP (as released)'


def test_lines_and_markers_differ_pairwise():
    for (dashes, color), (other_dashes, other_color) in combinations(LINES, 2):
        assert dashes != other_dashes
        assert color != other_color
    shapes = [marker for marker, _ in MARKERS]
    assert len(set(shapes)) == len(shapes)
    assert len(set(COLORS)) == len(COLORS)


def test_colors_are_seen_on_white():
    for color in COLORS:
        luminance = np.dot(to_rgb(color), (0.2126, 0.7152, 0.0722))
        assert luminance < 0.7, color


@pytest.mark.parametrize(
    ('labels', 'columns'),
    [
        (['ERM'], 1),
        (['ERM', 'Base', 'GMP'], 3),
        (['GMP (parameter)', 'GMP (feature)', LONG], 2),
        (
            ['ERM', 'GMP (parameter)', 'Base', 'GMP (feature)', 'AGM', LONG],
            2,
        ),
        (['a method with a name as long as this', 'ERM'], 1),
    ],
)
@styled
def test_legend_fits_the_column(labels, columns):
    figure = Figure(figsize=(COLUMN_WIDTH, 2), layout='constrained')
    for ax in figure.subplots(1, 2):
        for label in labels:
            ax.plot([0, 1], label=label)
    add_legend(figure)
    assert legend_texts(figure) == labels
    assert figure.legends[0]._ncols == columns
    assert_readable(figure)


def test_no_legend_without_labels():
    figure = Figure()
    figure.subplots().plot([0, 1])
    add_legend(figure)
    assert not figure.legends


@pytest.mark.parametrize(
    ('low', 'high', 'ticks'),
    [
        (0.005, 20, [0.01, 0.1, 1, 10]),
        (0.28, 3.5, [0.3, 1, 3]),
        (0.6, 1.9, [0.7, 1, 1.5]),
    ],
)
def test_ticks_are_round(low, high, ticks):
    np.testing.assert_allclose(log_ticks(low, high, 3), ticks)


def test_narrow_range_has_ticks():
    ticks = [t for t in log_ticks(0.97, 1.03, 3) if 0.97 <= t <= 1.03]
    assert len(ticks) >= 3


def test_no_more_ticks_than_asked_for():
    ax = Figure().subplots()
    ax.set_xscale('log')
    set_log_ticks(ax.xaxis, 0.5, 2000, least=2, most=3)
    np.testing.assert_allclose(ax.get_xticks(), [1, 100])
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert labels == ['1', '100']
    assert not len(ax.get_xticks(minor=True))
