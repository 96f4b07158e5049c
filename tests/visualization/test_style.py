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
    check_out,
    log_ticks,
    plain,
    save,
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


def test_figures_are_not_written_over(tmp_path):
    out = tmp_path / 'a.png'
    figure = Figure()
    for name in ('a.png', 'a.png', 'new/b.pdf', 'new/b.pdf'):
        save(figure, check_out(tmp_path / name))
    photo, link = tmp_path / 'photo.png', tmp_path / 'link.png'
    photo.write_bytes(b'\x89PNG of a camera')
    link.symlink_to(out)
    (tmp_path / 'folder.png').mkdir()
    for name, reason in (
        ('photo.png', 'would be lost'),
        ('link.png', 'is a link'),
        ('folder.png', 'is a folder'),
        ('a.jpg', 'must end in'),
    ):
        with pytest.raises(ValueError, match=reason):
            check_out(tmp_path / name)
    with pytest.raises(ValueError, match='cannot be written'):
        save(figure, out / 'c.png')


@pytest.mark.parametrize('name', ['$', '$x_{$', r'\\$a', '_a', 'a'])
def test_any_name_is_drawn(tmp_path, name):
    figure = Figure()
    ax = figure.subplots()
    ax.plot([0, 1], label=plain(name))
    ax.set_title(plain(name))
    add_legend(figure)
    save(figure, tmp_path / 'a.png')
    assert len(figure.legends) == 1


def test_wrong_formula_is_named(tmp_path):
    figure = Figure()
    figure.subplots().set_title(r'$\\nothing{$')
    with pytest.raises(ValueError, match='drawn.*nothing') as caught:
        save(figure, tmp_path / 'a.png')
    assert '\n' not in str(caught.value)
