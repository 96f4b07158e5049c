# Copyright (c) mmgmp authors.
"""The figure of the discrepancy ratios: its content, files and errors."""

import matplotlib.image
import numpy as np
import pytest
from matplotlib.axes import Axes

from mmgmp.visualization import plot_ratios
from mmgmp.visualization.ratio_plot import _moving_average, _ratio_ticks

STEPS = np.arange(1, 6)


def run(scale=1.0, ratios=('rho', 'sigma')):
    values = scale * np.array([1.0, 2.0, 4.0, 2.0, 1.0])
    return {
        ratio: dict(video=(STEPS, values), audio=(STEPS, 1 / values))
        for ratio in ratios
    }


@pytest.fixture
def lines(monkeypatch):
    """What is plotted: (title, label, linestyle, x, y)."""
    drawn = []
    plot = Axes.plot

    def record(ax, x, y, **kwargs):
        drawn.append((kwargs['label'], kwargs['linestyle'], x, y))
        return plot(ax, x, y, **kwargs)

    monkeypatch.setattr(Axes, 'plot', record)
    return drawn


def test_one_line_style_per_run(tmp_path, lines):
    erm = run(2, ratios=('rho',))
    plot_ratios(dict(GMP=run(), ERM=erm), tmp_path / 'new' / 'ratios.png')
    assert len(lines) == 2 * 4
    styles = {label: style for label, style, _, _ in lines}
    assert len(set(styles.values())) == 2
    assert all(style == styles[label] for label, style, _, _ in lines)
    np.testing.assert_allclose(lines[0][3], [1, 2, 4, 2, 1])
    np.testing.assert_allclose(lines[3][3], 0.5 / lines[0][3])
    # ERM has no sigma: nothing is drawn for it.
    assert [len(y) for _, _, _, y in lines[4:]] == [5, 0, 5, 0]


def test_png_has_ink_and_the_width_of_a_column(tmp_path):
    plot_ratios(dict(GMP=run()), tmp_path / 'ratios.png')
    image = matplotlib.image.imread(tmp_path / 'ratios.png')
    assert image.shape[1] == pytest.approx(3.36 * 300, abs=2)
    assert image[..., :3].std() > 0.1


def test_pdf(tmp_path):
    plot_ratios(dict(GMP=run(ratios=['rho'])), tmp_path / 'ratios.pdf')
    assert (tmp_path / 'ratios.pdf').read_bytes().startswith(b'%PDF')


def test_smoothing(tmp_path, lines):
    plot_ratios(dict(GMP=run()), tmp_path / 'ratios.png', smooth=3)
    np.testing.assert_allclose(lines[0][3], [1.5, 7 / 3, 8 / 3, 7 / 3, 1.5])


def test_moving_average_of_more_points_than_there_are():
    values = np.array([1.0, 2.0, 6.0])
    np.testing.assert_allclose(_moving_average(values, 9), [1.5, 3, 4])
    np.testing.assert_allclose(_moving_average(values, 1), values)


@pytest.mark.parametrize(
    ('low', 'high', 'ticks'),
    [
        (0.005, 20, [0.01, 0.1, 1, 10]),
        (0.28, 3.5, [0.3, 1, 3]),
        (0.6, 1.9, [0.7, 1, 1.5]),
    ],
)
def test_ticks_are_round(low, high, ticks):
    np.testing.assert_allclose(_ratio_ticks(low, high), ticks)


def test_narrow_range_has_ticks():
    ticks = [t for t in _ratio_ticks(0.97, 1.03) if 0.97 <= t <= 1.03]
    assert len(ticks) >= 3


@pytest.mark.parametrize(
    ('runs', 'out', 'smooth', 'message'),
    [
        (dict(a=run()), 'ratios.gif', 1, 'must end in .png or .pdf'),
        (dict(a=run()), 'ratios.png', 0, '`smooth` must be at least 1, got 0'),
        ({}, 'ratios.png', 1, 'must hold 1 to 5 runs.* got 0'),
        (dict.fromkeys('abcdef', run()), 'ratios.png', 1, 'got 6'),
    ],
)
def test_wrong_arguments(tmp_path, runs, out, smooth, message):
    with pytest.raises(ValueError, match=message):
        plot_ratios(runs, tmp_path / out, smooth)
    assert not list(tmp_path.iterdir())
