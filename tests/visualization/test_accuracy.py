# Copyright (c) mmgmp authors.
"""The figure of the accuracies: points, intervals, missing runs."""

import math

import matplotlib.image
import numpy as np
import pytest

from mmgmp.visualization import plot_accuracies
from tests.utils.figures import assert_readable, legend_texts

NAN = math.nan
ESTIMATES = {
    'ERM': {
        'mean': (0.5, 0.48, 0.52),
        'human': (0.4, 0.35, 0.45),
        'cartoon': (0.6, 0.59, 0.61),
    },
    'GMP (parameter)': {
        'mean': None,
        'human': None,
        'cartoon': (0.65, NAN, NAN),
    },
    'GMP (as released)': {
        'mean': (0.55, 0.52, 0.58),
        'human': (0.44, 0.4, 0.48),
        'cartoon': (0.66, 0.64, 0.68),
    },
}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('figures') / 'new'


@pytest.fixture(scope='module')
def figure(folder):
    return plot_accuracies(
        ESTIMATES,
        folder / 'accuracies.png',
        baseline='ERM',
        incomplete={'GMP (parameter)': (3, 10)},
        runs={'ERM': {'human': [0.38, 0.42], 'mean': [0.49, 0.51]}},
        interval='95 % t interval',
    )


def points(ax):
    """Height -> mean and whether it is drawn hollow."""
    return {
        line.get_ydata()[0]: (
            line.get_xdata()[0],
            line.get_markerfacecolor() == 'white',
        )
        for line in ax.lines
        if line.get_marker() == 'o' and line.get_markersize() > 2
    }


def dots(ax):
    """Accuracies of the single runs."""
    return [
        x
        for line in ax.lines
        if line.get_marker() == 'o' and line.get_markersize() == 2
        for x in line.get_xdata()
    ]


def intervals(ax):
    """Height -> ends."""
    return {
        line.get_ydata()[0]: tuple(line.get_xdata())
        for line in ax.lines
        if line.get_marker() == 'None' and line.get_linestyle() == '-'
    }


def test_one_panel_per_target_and_their_mean_last(figure):
    assert [ax.get_title() for ax in figure.axes] == [
        'human',
        'cartoon',
        'mean of targets',
    ]
    assert figure.get_figwidth() == pytest.approx(3.3)


def test_points_and_intervals_in_percent(figure):
    human, cartoon, mean = figure.axes
    assert points(mean) == {
        0.5: (pytest.approx(50), False),
        3.5: (pytest.approx(55), False),
    }
    assert intervals(mean) == {
        0.5: pytest.approx((48, 52)),
        3.5: pytest.approx((52, 58)),
    }
    assert points(human).keys() == {0.5, 3.5}
    # The method of one run has a point without an interval, drawn hollow.
    assert points(cartoon)[2] == (pytest.approx(65), True)
    assert np.isnan(intervals(cartoon)[2]).all()


def test_names_and_missing_runs(figure):
    human, cartoon, mean = figure.axes
    # 'GMP (parameter) (3/10)' takes two lines, and so does its row.
    labels = [text.get_text() for text in human.get_yticklabels()]
    assert labels == ['ERM', 'GMP (parameter)\n(3/10)', 'GMP (as released)']
    assert list(human.get_yticks()) == [0.5, 2, 3.5]
    assert [t.get_text() for t in human.texts] == ['no runs']
    assert [t.get_text() for t in mean.texts] == ['runs missing']
    assert human.texts[0].get_position()[1] == 2
    assert not cartoon.texts
    assert legend_texts(figure) == [
        '95 % t interval',
        'one run',
        'mean of ERM',
        'runs missing',
    ]


def test_baseline_is_a_dotted_line(figure):
    for ax, mean in zip(figure.axes, (40, 60, 50)):
        (line,) = [x for x in ax.lines if x.get_linestyle() == ':']
        assert line.get_xdata() == pytest.approx([mean, mean])


def test_runs_are_dots(figure):
    human, cartoon, mean = figure.axes
    assert dots(human) == pytest.approx([38, 42])
    assert dots(mean) == pytest.approx([49, 51])
    assert dots(cartoon) == []


def test_axes_are_the_same_and_hold_the_intervals(figure):
    assert len({ax.get_xlim() for ax in figure.axes}) == 1
    for ax in figure.axes:
        low, high = ax.get_xlim()
        ends = [x for pair in intervals(ax).values() for x in pair]
        assert low < np.nanmin(ends) and np.nanmax(ends) < high
        assert 2 <= sum(low <= tick <= high for tick in ax.get_xticks()) <= 5


def test_readable(figure, folder):
    assert_readable(figure)
    image = matplotlib.image.imread(folder / 'accuracies.png')
    assert image.shape[1] == pytest.approx(3.3 * 300, abs=2)


def test_chance_and_a_target_without_any_run(tmp_path):
    estimates = {
        label: {'human': by_target['human'], 'sea': None}
        for label, by_target in ESTIMATES.items()
    }
    out = tmp_path / 'accuracies.pdf'
    figure = plot_accuracies(estimates, out, chance=1 / 7)
    assert out.read_bytes().startswith(b'%PDF')
    human, sea = figure.axes
    (line,) = [x for x in human.lines if x.get_label() == 'chance']
    assert line.get_xdata()[0] == pytest.approx(100 / 7)
    assert line.get_linestyle() != ':'
    assert human.get_xlim()[0] < 100 / 7
    assert [t.get_text() for t in sea.texts] == ['no runs'] * 3
    assert legend_texts(figure) == ['interval', 'chance']
    assert_readable(figure)


def test_equal_accuracies_have_ticks(tmp_path):
    estimates = {label: {'human': (0.5, NAN, NAN)} for label in 'ab'}
    figure = plot_accuracies(estimates, tmp_path / 'accuracies.png')
    low, high = figure.axes[0].get_xlim()
    assert 4 <= high - low < 12
    assert not figure.legends


@pytest.mark.parametrize(
    ('estimate', 'arguments', 'message'),
    [
        ((0.5, 0.4, 0.6), dict(out='x.gif'), 'must end in .png or .pdf'),
        (None, {}, '`estimates` has no accuracy'),
        ((50, 40, 60), {}, "'a' on 'human' must be a fraction.* got 50"),
        ((NAN, NAN, NAN), {}, "'a' on 'human' must be a fraction.* got nan"),
        ((0.5, 0.6, 0.7), {}, 'must contain its mean 0.5, got 0.6 to 0.7'),
        ((0.5, 0.4, NAN), {}, 'must contain its mean 0.5, got 0.4 to nan'),
        ((0.5, 0.4, 0.6), dict(baseline='b'), "'b' of `baseline`.*'a'"),
        ((0.5, 0.4, 0.6), dict(incomplete={'c': (1, 2)}), "'c' of `base"),
    ],
)
def test_wrong_arguments(tmp_path, estimate, arguments, message):
    out = tmp_path / arguments.pop('out', 'accuracies.png')
    with pytest.raises(ValueError, match=message):
        plot_accuracies({'a': {'human': estimate}}, out, **arguments)
    assert not list(tmp_path.iterdir())


def test_interval_of_two_runs_ends_with_the_scale(tmp_path):
    """Student's t of one degree of freedom is 12.7."""
    estimates = dict(Base=dict(human=(0.5, -5.9, 6.9)))
    figure = plot_accuracies(estimates, tmp_path / 'wide.png')
    (ax,) = figure.axes
    assert intervals(ax)[0.5] == pytest.approx((0, 100))
    assert ax.get_xlim() == (-2, 102)
    assert 2 <= sum(0 <= tick <= 100 for tick in ax.get_xticks()) <= 7


def test_odd_number_of_targets_has_ticks_below_each_column(tmp_path):
    estimates = {'a': dict.fromkeys('xyz', (0.5, 0.4, 0.6))}
    figure = plot_accuracies(estimates, tmp_path / 'odd.png')
    assert_readable(figure)
    shown = [
        any(t.label1.get_visible() for t in ax.xaxis.get_major_ticks())
        for ax in figure.axes
    ]
    assert shown == [False, True, True]
