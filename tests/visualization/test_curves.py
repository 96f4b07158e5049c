# Copyright (c) mmgmp authors.
"""The figure of logged scalars: rows, panels, lines, files and errors."""

from functools import partial

import matplotlib.image
import numpy as np
import pytest

from mmgmp.visualization import curves, plot_curves
from mmgmp.visualization.curves import make_row
from mmgmp.visualization.style import LINES
from tests.utils.figures import assert_readable, legend_texts

STEPS = np.arange(100, 600, 100)
BLOCKS = ('video', 'audio', 'fused')
SHAPE = np.array([1.0, 2.0, 4.0, 2.0, 1.0])
BOOMDA = dict(
    keys=['ratio', 'gamma.*', 'discrepancy.*', 'pseudo/*'],
    names=['ratio $r$', r'weight $\gamma$', 'discrepancy', 'fraction'],
    log=['ratio', 'discrepancy.*'],
    lines={'ratio': 1},
)
LONG = 'a long\nquantity'
RATIOS = dict(keys=['gmp/rho.*', 'gmp/sigma.*'], log=['gmp/*'])


def log(steps=STEPS, **curves):
    """Training records with the given curves."""
    return [
        dict(zip(curves, values), step=step, iter=step)
        for step, *values in zip(steps, *curves.values())
    ]


def boomda(scale=1.0, blocks=BLOCKS, accuracy=True, steps=STEPS):
    values = {'ratio': 3 * scale * SHAPE}
    for i, block in enumerate(blocks):
        values[f'gamma.{block}'] = SHAPE / 10 / scale
        values[f'discrepancy.{block}'] = 10.0**i * scale * SHAPE
    values['pseudo/kept'] = SHAPE / 5 / scale
    if accuracy:
        values['pseudo/accuracy'] = SHAPE / 8 / scale
    return log(steps, **values)


def gmp(scale=1.0, ratios=('rho', 'sigma')):
    values = {}
    for ratio in ratios:
        values[f'gmp/{ratio}.video'] = scale * SHAPE
        values[f'gmp/{ratio}.audio'] = 1 / scale / SHAPE
    return log(**values)


@pytest.fixture
def plot(monkeypatch):
    """Draw without writing the file, which takes the most time."""
    monkeypatch.setattr(curves, 'save', lambda figure, out: None)
    return partial(plot_curves, out='curves.png')


def panels(figure):
    """Rows of panels, from the top."""
    rows = {}
    for ax in figure.axes:
        rows.setdefault(ax.get_subplotspec().rowspan.start, []).append(ax)
    return list(rows.values())


def lines_of(ax, label):
    """Line of the mean, then those of the edges."""
    (mean,) = (line for line in ax.lines if line.get_label() == label)
    color = mean.get_color()
    edges = [x for x in ax.lines if x.get_color() == color and x is not mean]
    return mean, edges


def values(ax, label):
    return lines_of(ax, label)[0].get_ydata()


@pytest.mark.parametrize(
    ('glob', 'keys', 'name', 'titles'),
    [
        ('gmp/rho.*', ['gmp/rho.v', 'gmp/rho.a'], 'rho', ['v', 'a']),
        ('gmp/rho*', ['gmp/rho.v', 'gmp/rho.a'], 'gmp', ['rho.v', 'rho.a']),
        ('gmp/rho.v', ['gmp/rho.v'], 'rho', ['v']),
        ('boomda/[kp]*', ['boomda/kept'], 'boomda', ['kept']),
        ('boomda/kept', ['boomda/kept'], 'kept', ['']),
        ('loss*', ['loss', 'loss_cls'], '', ['loss', 'loss_cls']),
        ('loss', ['loss'], 'loss', ['']),
        ('*.video', ['rho.video'], '', ['rho.video']),
        ('a_long_quantity.*', ['a_long_quantity.v'], LONG, ['v']),
    ],
)
def test_names_of_rows_and_panels(glob, keys, name, titles):
    row = make_row(glob, keys, False)
    assert (row.name, row.titles) == (name, dict(zip(keys, titles)))


def test_rows_of_panels(plot):
    figure = plot(dict(QP={'a': boomda()}), **BOOMDA)
    rows = panels(figure)
    assert [row[0].get_ylabel() for row in rows] == BOOMDA['names']
    assert [[ax.get_title() for ax in row] for row in rows] == [
        [''],
        list(BLOCKS),
        [''] * 3,  # those above, where the iterations are left out
        ['kept', 'accuracy'],
    ]
    iterations = [
        row[0].xaxis.get_tick_params()['labelbottom'] for row in rows
    ]
    assert iterations == [True, False, True, True]
    (ratio,), gammas, discrepancies, (kept, accuracy) = rows
    np.testing.assert_allclose(values(ratio, 'QP'), 3 * SHAPE)
    for index, (gamma, discrepancy) in enumerate(zip(gammas, discrepancies)):
        np.testing.assert_allclose(values(gamma, 'QP'), SHAPE / 10)
        expected = 10.0**index * SHAPE
        np.testing.assert_allclose(values(discrepancy, 'QP'), expected)
    np.testing.assert_allclose(values(kept, 'QP'), SHAPE / 5)
    np.testing.assert_allclose(values(accuracy, 'QP'), SHAPE / 8)
    for row, scale in zip(rows, ('log', 'linear', 'log', 'linear')):
        assert {ax.get_yscale() for ax in row} == {scale}
        assert len({ax.get_ylim() for ax in row}) == 1
    assert len({ax.get_xlim() for ax in figure.axes}) == 1
    # The only line without a label, besides those of the runs.
    assert [list(x.get_ydata()) for x in ratio.lines[:-1]] == [[1, 1]]
    assert ratio.get_ylim()[0] < 1
    assert all(len(ax.lines) == 1 for ax in figure.axes[1:])
    assert_readable(figure)


def test_mean_on_linear_and_logarithmic_axes(plot):
    seeds = {str(scale): boomda(scale) for scale in (1, 4)}
    figure = plot(dict(QP=seeds), **BOOMDA)
    (ratio,), gammas, discrepancies, (kept, accuracy) = panels(figure)
    # Geometric: 2 is as far from 1 as from 4. Arithmetic: (1 + 1/4) / 2.
    np.testing.assert_allclose(values(ratio, 'QP'), 2 * 3 * SHAPE)
    np.testing.assert_allclose(values(discrepancies[2], 'QP'), 200 * SHAPE)
    np.testing.assert_allclose(values(gammas[1], 'QP'), 0.625 * SHAPE / 10)
    np.testing.assert_allclose(values(kept, 'QP'), 0.625 * SHAPE / 5)
    np.testing.assert_allclose(values(accuracy, 'QP'), 0.625 * SHAPE / 8)
    for ax in figure.axes:
        assert len(ax.collections) == 1
    edges = [line.get_ydata() for line in lines_of(kept, 'QP')[1]]
    np.testing.assert_allclose(edges, [SHAPE / 20, SHAPE / 5])


def test_lines_pass_over_what_has_no_value(plot):
    one, two = boomda(), boomda(4)
    one[1]['ratio'], one[2]['ratio'] = np.nan, 0
    two[1]['ratio'] = np.nan
    figure = plot(dict(QP={'1': one, '2': two}), **BOOMDA)
    mean, _ = lines_of(figure.axes[0], 'QP')
    # No run has a value at the second point, only one at the third.
    np.testing.assert_array_equal(mean.get_xdata(), STEPS[[0, 2, 3, 4]])
    np.testing.assert_allclose(mean.get_ydata(), [6, 48, 12, 6])
    smooth = plot(dict(QP={'1': one}), **BOOMDA, smooth=3)
    # 3, -, -, 6, 3 in windows of three.
    smoothed = values(smooth.axes[0], 'QP')
    np.testing.assert_allclose(smoothed, [3, 3, 6, 4.5, 4.5])


@pytest.mark.filterwarnings('error')
def test_nothing_but_missing_values(plot):
    records = [
        {k: 0 if k[0] in 'rdp' else v for k, v in record.items()}
        for record in boomda()
    ]
    where = {'pseudo/accuracy': 'pseudo/kept'}
    figure = plot(dict(QP={'a': records}), **BOOMDA, where=where)
    (ratio,), _, discrepancies, (kept, accuracy) = panels(figure)
    for ax in (ratio, *discrepancies, accuracy):
        assert not len(values(ax, 'QP'))
    assert len(values(kept, 'QP')) == 5
    assert len({ax.get_xlim() for ax in figure.axes}) == 1
    assert_readable(figure)


@pytest.mark.parametrize(
    ('blocks', 'accuracy', 'counts'),
    [
        (('video', 'audio'), False, [1, 2, 2, 1]),
        (('video',), True, [1, 1, 1, 2]),
        (('video', 'audio', 'text', 'fused'), True, [1, 4, 4, 2]),
        (('a_block_with_a_long_name', 'and_another_one'), True, [1, 2, 2, 2]),
    ],
)
def test_other_blocks(plot, blocks, accuracy, counts):
    records = boomda(1e-6, blocks, accuracy, STEPS * 240)
    figure = plot(dict(QP={'a': records}), **BOOMDA)
    assert [len(row) for row in panels(figure)] == counts
    assert_readable(figure)


def test_one_line_style_per_label(plot):
    erm = gmp(2, ratios=('rho',))
    figure = plot(dict(GMP={'a': gmp()}, ERM={'b': erm}), **RATIOS)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ['video', 'audio', '', '']
    assert [ax.get_ylabel() for ax in figure.axes[::2]] == ['rho', 'sigma']
    for ax in figure.axes:
        for label, (dashes, color) in zip(('GMP', 'ERM'), LINES):
            mean, edges = lines_of(ax, label)
            # The pattern as set: the drawn one is scaled by the line width.
            pattern = (0, None) if dashes == '-' else dashes
            assert mean._unscaled_dash_pattern == pattern
            assert mean.get_color() == color
            assert not edges
        assert not ax.collections
    video, audio = figure.axes[:2]
    np.testing.assert_array_equal(lines_of(video, 'GMP')[0].get_xdata(), STEPS)
    np.testing.assert_allclose(values(video, 'GMP'), SHAPE)
    np.testing.assert_allclose(values(audio, 'ERM'), 0.5 / SHAPE)
    # ERM has no sigma, and occurs only in the legend.
    for ax in figure.axes[2:]:
        assert (len(values(ax, 'GMP')), len(values(ax, 'ERM'))) == (5, 0)
    assert legend_texts(figure) == ['GMP', 'ERM']


def test_every_label_is_in_the_legend(plot):
    runs = dict(_old={'a': gmp()}, new={'b': gmp(2)})
    (legend,) = plot(runs, **RATIOS).legends
    assert [x.get_text().strip() for x in legend.texts] == ['_old', 'new']


def test_mean_and_band_of_several_runs(plot):
    seeds = {str(seed): gmp(scale) for seed, scale in enumerate((1, 2, 4))}
    figure = plot(dict(Base={'a': gmp(0.5)}, GMP=seeds), **RATIOS)
    video = figure.axes[0]
    mean, edges = lines_of(video, 'GMP')
    np.testing.assert_allclose(mean.get_ydata(), 2 * SHAPE)
    ends = [edge.get_ydata() for edge in edges]
    np.testing.assert_allclose(ends, [SHAPE, 4 * SHAPE])
    for edge in edges:
        np.testing.assert_array_equal(edge.get_xdata(), STEPS)
        assert edge._unscaled_dash_pattern == mean._unscaled_dash_pattern
        assert edge.get_linewidth() < mean.get_linewidth()
    # The single run of the other label has no band.
    (band,) = video.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((1, 16))
    assert not lines_of(video, 'Base')[1]
    assert_readable(figure)


def test_axes_have_plain_numbers(plot):
    runs = dict(GMP={'a': gmp()})
    for ax in plot(runs, **RATIOS).axes[::2]:
        assert ax.get_yscale() == 'log'
        np.testing.assert_allclose(ax.get_yticks(), [0.3, 1, 3])
        texts = [text.get_text() for text in ax.get_yticklabels()]
        assert texts == ['0.3', '1', '3']
    ax = plot(runs, RATIOS['keys']).axes[0]
    assert {'0', '2', '4'} <= {x.get_text() for x in ax.get_yticklabels()}


def test_files(tmp_path):
    runs, out = dict(QP={'a': boomda()}), tmp_path / 'new' / 'curves.png'
    plot_curves(runs, out=out, **BOOMDA)
    image = matplotlib.image.imread(out)
    assert image.shape[1] == pytest.approx(3.3 * 300, abs=2)
    assert image[..., :3].std() > 0.1
    plot_curves(runs, ['ratio'], tmp_path / 'curves.pdf')
    assert (tmp_path / 'curves.pdf').read_bytes().startswith(b'%PDF')


ONE = {'x': boomda()}


@pytest.mark.parametrize(
    ('runs', 'arguments', 'message'),
    [
        (dict(a=ONE), dict(out='c.gif'), 'must end in .png or .pdf'),
        (dict(a=ONE), dict(smooth=0), '`smooth` must be at least 1, got 0'),
        ({}, {}, 'must have 1 to 5 labels.* got 0'),
        (dict.fromkeys('abcdef', ONE), {}, 'must have 1 to 5 labels.* got 6'),
        (dict(a={}), {}, "no run for the label 'a'"),
        (dict(a=ONE), dict(keys=[]), 'at least one glob'),
        (dict(a=ONE), dict(names=['r']), r"each of `keys`.*, got \['r'\]"),
        (dict(a=ONE), dict(keys=['x'], names=None), "'x' matches no logged"),
        (dict(a={'y': log(loss=SHAPE)}, b=ONE), {}, 'run y logged no key'),
        (dict(a=ONE), dict(log=['rho']), "'rho' of `log` matches none"),
        (dict(a=ONE), dict(lines={'rho': 1}), "'rho' of `lines` matches"),
        (dict(a=ONE), dict(where={'x': 'ratio'}), "'x' of `where` matches"),
        (dict(a=ONE), dict(where={'ratio': 'x'}), "no run logged 'x', which"),
        (
            dict(a={**ONE, 'y': boomda(blocks=BLOCKS[:2])}),
            {},
            r"run y logged \['discrepancy.audio', .*'pseudo/kept', ",
        ),
        (
            dict(a={**ONE, 'y': boomda(steps=STEPS + 1)}),
            {},
            'run y has 5 logged iterations from 101 to 501',
        ),
    ],
)
def test_wrong_arguments(tmp_path, runs, arguments, message):
    arguments = {**BOOMDA, 'out': 'curves.png', **arguments}
    arguments['out'] = tmp_path / arguments['out']
    with pytest.raises(ValueError, match=message):
        plot_curves(runs, **arguments)
    assert not list(tmp_path.iterdir())
