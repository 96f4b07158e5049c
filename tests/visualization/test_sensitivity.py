# Copyright (c) mmgmp authors.
"""The figure of the sensitivity to parameters: curves, axes, errors."""

import math

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from mmgmp.visualization import plot_sensitivity
from tests.utils.figures import assert_readable, legend_texts

NAN = math.nan


def curve(*values):
    """Points whose means rise by one percentage point from 50 %."""
    return [
        (value, 0.5 + i / 100, 0.48 + i / 100, 0.53 + i / 100)
        for i, value in enumerate(values)
    ]


CURVES = {
    'alpha_k': curve(0, 0.25, 0.5, 1),
    'alpha_p': curve(0, 0.5, 1),
    'lambda': curve(0.03, 0.1, 0.3, 1, 3),
}
DEFAULTS = {'alpha_k': 0.5, 'alpha_p': 0.5, 'lambda': 0.3}
BASELINE = (0.505, 0.49, 0.52)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('figures') / 'new'


@pytest.fixture(scope='module')
def figure(folder):
    return plot_sensitivity(
        CURVES,
        folder / 'sensitivity.png',
        BASELINE,
        'Base',
        DEFAULTS,
        runs={'alpha_k': {0.5: [0.51, 0.53]}},
        chance=0.25,
        interval='95 % t interval',
    )


def only(artists):
    (artist,) = artists
    return artist


def line_of(ax, marker):
    return only(
        line
        for line in ax.lines
        if line.get_marker() == marker and line.get_markersize() > 2
    )


def test_one_panel_per_parameter(figure):
    assert [ax.get_xlabel() for ax in figure.axes] == [
        r'$\alpha_k$',
        r'$\alpha_p$',
        r'$\lambda$',
    ]
    assert len({ax.get_ylim() for ax in figure.axes}) == 1
    assert figure.get_figwidth() == pytest.approx(3.3)


def test_points_and_intervals_in_percent(figure):
    line = line_of(figure.axes[0], 'o')
    np.testing.assert_allclose(line.get_xdata(), [0, 0.25, 0.5, 1])
    np.testing.assert_allclose(line.get_ydata(), [50, 51, 52, 53])
    (bars,) = figure.axes[0].collections
    np.testing.assert_allclose(
        bars.get_segments()[1], [[0.25, 49], [0.25, 54]]
    )


def test_default_has_a_marker_of_its_own(figure):
    for ax, place in zip(figure.axes, [(0.5, 52), (0.5, 51), (0.3, 52)]):
        diamond = line_of(ax, 'D')
        x, y = np.ravel(diamond.get_data())
        assert (x, y) == pytest.approx(place)
        # Filled, unlike the others.
        assert to_rgb(diamond.get_markerfacecolor()) == (0, 0, 0)
        assert line_of(ax, 'o').get_markerfacecolor() == 'white'


def test_baseline_is_a_line_on_a_band(figure):
    for ax in figure.axes:
        line = only(x for x in ax.lines if x.get_linestyle() == ':')
        np.testing.assert_allclose(line.get_ydata(), 50.5)
        (band,) = ax.patches
        assert band.get_y() == pytest.approx(49)
        assert band.get_height() == pytest.approx(3)
    assert legend_texts(figure) == [
        'Base',
        'chance',
        '95 % t interval',
        'default',
        'one run',
    ]


def test_runs_are_dots_and_chance_is_a_line(figure):
    first, second, _ = figure.axes
    dots = [line for line in first.lines if line.get_markersize() == 2]
    found = {x: y for d in dots for x, y in zip(*d.get_data(), strict=True)}
    assert found == {0.5: pytest.approx(53)}
    assert [*dots[2].get_ydata()] == pytest.approx([51, 53])
    (line,) = [x for x in second.lines if x.get_label() == 'chance']
    np.testing.assert_allclose(line.get_ydata(), 25)


def test_interval_ends_with_the_scale(tmp_path):
    curves = {'x': [(1, 0.9, 0.5, 1.3), (2, 0.9, 0.8, 1.0)]}
    figure = plot_sensitivity(curves, tmp_path / 's.png')
    (ax,) = figure.axes
    (bars,) = ax.collections
    np.testing.assert_allclose(bars.get_segments()[0], [[1, 50], [1, 100]])
    assert ax.get_ylim()[1] <= 102


def test_readable(figure):
    assert_readable(figure)


@pytest.mark.parametrize(
    ('values', 'scale'),
    [
        ((0.05, 0.5, 1), 'linear'),  # a factor of 20
        ((0.04, 0.5, 1), 'log'),
        ((0, 1, 100), 'linear'),
        ((-1, 1, 100), 'linear'),
        ((0.3,), 'linear'),
    ],
)
def test_scale_of_the_values(tmp_path, values, scale):
    figure = plot_sensitivity({'x': curve(*values)}, tmp_path / 's.png')
    (ax,) = figure.axes
    assert ax.get_xscale() == scale
    low, high = ax.get_xlim()
    assert low < min(values) and max(values) < high
    if len(values) > 1:
        assert sum(low <= t <= high for t in ax.get_xticks()) in (2, 3, 4)
    assert ax.get_xlabel() == 'x'
    assert legend_texts(figure) == ['interval']


def test_more_parameters_than_fit_in_a_row(tmp_path):
    curves = {name: curve(1, 3, 1000) for name in 'abcde'}
    figure = plot_sensitivity(curves, tmp_path / 'sensitivity.pdf')
    assert [ax.get_xlabel() for ax in figure.axes] == list('abcde')
    assert_readable(figure)


def test_value_without_runs_breaks_the_line(tmp_path):
    points = curve(0, 0.5, 1)
    points[1] = (0.5, NAN, NAN, NAN)
    figure = plot_sensitivity(
        {'alpha_k': points},
        tmp_path / 'sensitivity.png',
        (0.5, NAN, NAN),
        defaults={'alpha_k': 0},
    )
    (ax,) = figure.axes
    np.testing.assert_allclose(line_of(ax, 'o').get_ydata(), [50, NAN, 52])
    assert list(line_of(ax, 'x').get_xdata()) == [0.5]
    assert legend_texts(figure) == [
        'baseline',
        'no runs',
        'interval',
        'default',
    ]
    # The baseline of a single run has no band.
    assert not ax.patches


@pytest.mark.parametrize(
    ('curves', 'arguments', 'message'),
    [
        ({}, {}, '`curves` must have a parameter,'),
        ({'x': []}, {}, "a point for each, got {'x': 0}"),
        ({'x': curve(1, 0)}, {}, r"'x' must increase, got \[1, 0\]"),
        ({'x': curve(1, 1)}, {}, r"'x' must increase, got \[1, 1\]"),
        ({'x': [(1, 55, 50, 60)]}, {}, 'x=1 must be a fraction'),
        ({'x': [(1, 0.5, 0.6, 0.7)]}, {}, 'interval of x=1 must contain'),
        ({'x': curve(1)}, dict(defaults={'x': 2}), "'x' at 2, but .*\\[1\\]"),
        ({'x': curve(1)}, dict(defaults={'y': 1}), "'y' at 1, but .*\\[\\]"),
        ({'x': curve(1)}, dict(baseline=(50, 40, 60)), 'baseline must be a'),
        ({'x': curve(1)}, dict(out='s.gif'), 'must end in .png or .pdf'),
    ],
)
def test_wrong_arguments(tmp_path, curves, arguments, message):
    out = tmp_path / arguments.pop('out', 'sensitivity.png')
    with pytest.raises(ValueError, match=message):
        plot_sensitivity(curves, out, **arguments)
    assert not list(tmp_path.iterdir())
