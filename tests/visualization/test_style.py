# Copyright (c) mmgmp authors.
"""What the figures tell apart differs without its colour too."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from mmgmp.visualization.style import (
    COLORS,
    COLUMN_WIDTH,
    LINES,
    MARKERS,
    STYLE,
    add_legend,
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
def test_legend_fits_the_column(labels, columns):
    with rc_context(STYLE):
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
