# Copyright (c) mmgmp authors.
"""The figure of the discrepancy ratios: its content, files and errors."""

import matplotlib.image
import numpy as np
import pytest

from mmgmp.visualization import plot_ratios
from mmgmp.visualization.style import LINES
from tests.utils.figures import assert_readable, legend_texts

STEPS = np.arange(1, 6)


def run(scale=1.0, ratios=('rho', 'sigma')):
    values = scale * np.array([1.0, 2.0, 4.0, 2.0, 1.0])
    return {
        ratio: dict(video=(STEPS, values), audio=(STEPS, 1 / values))
        for ratio in ratios
    }


def curves(ax, label):
    """Lines of a label: those of its mean, then those of its edges."""
    named = [line for line in ax.lines if line.get_label() == label]
    (mean,) = named
    color = mean.get_color()
    edges = [x for x in ax.lines if x.get_color() == color and x is not mean]
    return mean, edges


def test_one_line_style_per_label(tmp_path):
    erm = run(2, ratios=('rho',))
    out = tmp_path / 'new' / 'ratios.png'
    figure = plot_ratios(dict(GMP={'a': run()}, ERM={'b': erm}), out)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ['video', 'audio', '', '']
    for ax in figure.axes:
        for label, (dashes, color) in zip(('GMP', 'ERM'), LINES):
            mean, edges = curves(ax, label)
            # As set, not as drawn: a pattern is scaled by the width.
            assert mean._unscaled_dash_pattern == dash_pattern(dashes)
            assert mean.get_color() == color
            assert not edges
        assert not ax.collections
    video, audio = figure.axes[:2]
    np.testing.assert_array_equal(curves(video, 'GMP')[0].get_xdata(), STEPS)
    np.testing.assert_allclose(
        curves(video, 'GMP')[0].get_ydata(), [1, 2, 4, 2, 1]
    )
    np.testing.assert_allclose(
        curves(audio, 'ERM')[0].get_ydata(), [0.5, 0.25, 0.125, 0.25, 0.5]
    )
    # ERM has no sigma: nothing is drawn for it.
    for ax in figure.axes[2:]:
        assert len(curves(ax, 'GMP')[0].get_ydata()) == 5
        assert len(curves(ax, 'ERM')[0].get_ydata()) == 0
    assert legend_texts(figure) == ['GMP', 'ERM']


def dash_pattern(dashes):
    return (0, None) if dashes == '-' else dashes


def test_mean_and_band_of_several_runs(tmp_path):
    seeds = {str(seed): run(scale) for seed, scale in enumerate((1, 2, 4))}
    one = {'a': run(0.5)}
    figure = plot_ratios(dict(Base=one, GMP=seeds), tmp_path / 'ratios.png')
    video = figure.axes[0]
    mean, edges = curves(video, 'GMP')
    values = np.array([1, 2, 4, 2, 1])
    np.testing.assert_allclose(mean.get_ydata(), 2 * values)
    np.testing.assert_allclose(edges[0].get_ydata(), values)
    np.testing.assert_allclose(edges[1].get_ydata(), 4 * values)
    for edge in edges:
        np.testing.assert_array_equal(edge.get_xdata(), STEPS)
        assert edge._unscaled_dash_pattern == mean._unscaled_dash_pattern
        assert edge.get_linewidth() < mean.get_linewidth()
    # The single run of the other label has no band.
    (band,) = video.collections
    corners = band.get_paths()[0].vertices
    assert corners[:, 1].min() == pytest.approx(1)
    assert corners[:, 1].max() == pytest.approx(16)
    assert not curves(video, 'Base')[1]
    assert legend_texts(figure) == ['Base', 'GMP']
    assert_readable(figure)


def test_png_has_ink_and_the_width_of_a_column(tmp_path):
    plot_ratios(dict(GMP={'a': run()}), tmp_path / 'ratios.png')
    image = matplotlib.image.imread(tmp_path / 'ratios.png')
    assert image.shape[1] == pytest.approx(3.3 * 300, abs=2)
    assert image[..., :3].std() > 0.1


def test_pdf(tmp_path):
    plot_ratios(dict(GMP={'a': run(ratios=['rho'])}), tmp_path / 'ratios.pdf')
    assert (tmp_path / 'ratios.pdf').read_bytes().startswith(b'%PDF')


def test_smoothing(tmp_path):
    runs = dict(GMP={'a': run()})
    figure = plot_ratios(runs, tmp_path / 'ratios.png', smooth=3)
    np.testing.assert_allclose(
        curves(figure.axes[0], 'GMP')[0].get_ydata(),
        [1.5, 7 / 3, 8 / 3, 7 / 3, 1.5],
    )


def test_axes_are_logarithmic_with_plain_numbers(tmp_path):
    figure = plot_ratios(dict(GMP={'a': run()}), tmp_path / 'ratios.png')
    for ax in figure.axes[::2]:
        assert ax.get_yscale() == 'log'
        np.testing.assert_allclose(ax.get_yticks(), [0.3, 1, 3])
        labels = [text.get_text() for text in ax.get_yticklabels()]
        assert labels == ['0.3', '1', '3']


@pytest.mark.parametrize(
    ('runs', 'out', 'smooth', 'message'),
    [
        (dict(a={'x': run()}), 'ratios.gif', 1, 'must end in .png or .pdf'),
        (
            dict(a={'x': run()}),
            'ratios.png',
            0,
            '`smooth` must be at least 1, got 0',
        ),
        ({}, 'ratios.png', 1, 'must hold 1 to 5 labels.* got 0'),
        ({x: {'x': run()} for x in 'abcdef'}, 'ratios.png', 1, 'got 6'),
        (dict(a={}), 'ratios.png', 1, "no run for the label 'a'"),
        (
            dict(a={'x': run(), 'y': run(ratios=['rho'])}),
            'ratios.png',
            1,
            'run y has the curves',
        ),
    ],
)
def test_wrong_arguments(tmp_path, runs, out, smooth, message):
    with pytest.raises(ValueError, match=message):
        plot_ratios(runs, tmp_path / out, smooth)
    assert not list(tmp_path.iterdir())
