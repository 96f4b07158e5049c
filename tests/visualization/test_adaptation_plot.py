# Copyright (c) mmgmp authors.
"""The figure of Boomda's training: its content, files and errors."""

from functools import partial

import matplotlib.image
import numpy as np
import pytest

from mmgmp.visualization import adaptation_plot, plot_adaptation
from mmgmp.visualization.style import LINES
from tests.utils.figures import assert_readable, legend_texts

STEPS = np.arange(100, 600, 100)
BLOCKS = ('video', 'audio', 'fused')
SHAPE = np.array([1.0, 2.0, 4.0, 2.0, 1.0])


def run(scale=1.0, blocks=BLOCKS, accuracy=True, steps=STEPS):
    curves = dict(
        gamma=dict.fromkeys(blocks, (steps, SHAPE / 10 / scale)),
        discrepancy={
            b: (steps, 10.0**i * scale * SHAPE) for i, b in enumerate(blocks)
        },
        ratio={'': (steps, 3 * scale * SHAPE)},
        kept={'': (steps, SHAPE / 5 / scale)},
    )
    if accuracy:
        curves['pseudo_accuracy'] = {'': (steps, SHAPE / 8 / scale)}
    return curves


@pytest.fixture
def plot(monkeypatch):
    """Draw without writing the file, which takes the most time."""
    monkeypatch.setattr(adaptation_plot, 'save', lambda figure, out: None)
    return partial(plot_adaptation, out='boomda.png')


def panels(figure):
    """Rows of panels, by the bottom of their places."""
    rows = {}
    for ax in figure.axes:
        rows.setdefault(ax.get_subplotspec().rowspan.start, []).append(ax)
    return list(rows.values())


def values(ax, label):
    (line,) = (line for line in ax.lines if line.get_label() == label)
    return line.get_ydata()


def test_rows_of_panels(tmp_path):
    out = tmp_path / 'new' / 'boomda.png'
    figure = plot_adaptation(dict(QP={'a': run()}), out)
    rows = panels(figure)
    assert [row[0].get_ylabel() for row in rows] == [
        'ratio $r$',
        r'weight $\gamma$',
        'discrepancy',
        'fraction',
    ]
    assert [[ax.get_title() for ax in row] for row in rows] == [
        [''],
        list(BLOCKS),
        [''] * 3,
        ['target kept', 'accuracy of kept'],
    ]
    (ratio,), gammas, discrepancies, (kept, accuracy) = rows
    np.testing.assert_allclose(values(ratio, 'QP'), 3 * SHAPE)
    for index, (gamma, discrepancy) in enumerate(zip(gammas, discrepancies)):
        np.testing.assert_allclose(values(gamma, 'QP'), SHAPE / 10)
        np.testing.assert_allclose(
            values(discrepancy, 'QP'), 10.0**index * SHAPE
        )
    np.testing.assert_allclose(values(kept, 'QP'), SHAPE / 5)
    np.testing.assert_allclose(values(accuracy, 'QP'), SHAPE / 8)
    for row, scale in zip(rows, ('log', 'linear', 'log', 'linear')):
        assert {ax.get_yscale() for ax in row} == {scale}
        assert len({ax.get_ylim() for ax in row}) == 1
    assert len({ax.get_xlim() for ax in figure.axes}) == 1
    # The only line without a label, besides those of the runs.
    assert [list(x.get_ydata()) for x in ratio.lines[:-1]] == [[1, 1]]
    assert all(len(ax.lines) == 1 for ax in figure.axes[1:])
    assert_readable(figure)


def test_mean_of_weights_and_of_ratios_differ(plot):
    seeds = {str(scale): run(scale) for scale in (1, 4)}
    figure = plot(dict(QP=seeds))
    (ratio,), gammas, discrepancies, (kept, accuracy) = panels(figure)
    # Geometric: 2 is as far from 1 as from 4. Arithmetic: (1 + 1/4) / 2.
    np.testing.assert_allclose(values(ratio, 'QP'), 2 * 3 * SHAPE)
    np.testing.assert_allclose(values(discrepancies[2], 'QP'), 200 * SHAPE)
    np.testing.assert_allclose(values(gammas[1], 'QP'), 0.625 * SHAPE / 10)
    np.testing.assert_allclose(values(kept, 'QP'), 0.625 * SHAPE / 5)
    np.testing.assert_allclose(values(accuracy, 'QP'), 0.625 * SHAPE / 8)
    for ax in figure.axes:
        assert len(ax.collections) == 1
    low, high = (line.get_ydata() for line in kept.lines[1:])
    np.testing.assert_allclose(low, SHAPE / 20)
    np.testing.assert_allclose(high, SHAPE / 5)


def test_lines_pass_over_what_has_no_value(plot):
    one, two = run(), run(4)
    for index in (1, 2):
        one['ratio'][''][1][index] = np.nan
    two['ratio'][''][1][1] = np.nan
    figure = plot(dict(QP={'1': one, '2': two}))
    (mean,) = (x for x in figure.axes[0].lines if x.get_label() == 'QP')
    # No run has a value at the second point, only one at the third.
    np.testing.assert_array_equal(mean.get_xdata(), STEPS[[0, 2, 3, 4]])
    np.testing.assert_allclose(mean.get_ydata(), [6, 48, 12, 6])
    smooth = plot(dict(QP={'1': one}), smooth=3)
    # 3, -, -, 6, 3 in windows of three.
    np.testing.assert_allclose(
        values(smooth.axes[0], 'QP'), [3, 3, 6, 4.5, 4.5]
    )


@pytest.mark.filterwarnings('error')
def test_nothing_but_missing_values(plot):
    curves = run()
    for quantity in ('ratio', 'discrepancy', 'pseudo_accuracy'):
        for _, missing in curves[quantity].values():
            missing[:] = np.nan
    figure = plot(dict(QP={'a': curves}))
    (ratio,), _, discrepancies, (_, accuracy) = panels(figure)
    for ax in (ratio, *discrepancies, accuracy):
        assert not len(values(ax, 'QP'))
    assert len({ax.get_xlim() for ax in figure.axes}) == 1
    assert_readable(figure)


@pytest.mark.parametrize(
    ('blocks', 'accuracy', 'counts'),
    [
        (('video', 'audio'), False, [1, 2, 2, 1]),
        (('video',), True, [1, 1, 1, 2]),
        (('video', 'audio', 'text', 'fused'), True, [1, 4, 4, 2]),
    ],
)
def test_other_blocks(plot, blocks, accuracy, counts):
    curves = run(1e-6, blocks, accuracy, STEPS * 240)
    figure = plot(dict(QP={'a': curves}))
    assert [len(row) for row in panels(figure)] == counts
    assert_readable(figure)


def test_label_without_a_block_or_accuracy(plot):
    runs = dict(
        QP={'a': run(blocks=BLOCKS[:2], accuracy=False)}, equal={'b': run()}
    )
    figure = plot(runs)
    _, gammas, discrepancies, (_, accuracy) = panels(figure)
    for ax in (gammas[2], discrepancies[2], accuracy):
        assert not len(values(ax, 'QP'))
        assert len(values(ax, 'equal')) == 5
    assert legend_texts(figure) == ['QP', 'equal']
    for label, (dashes, color) in zip(runs, LINES):
        (line,) = (x for x in accuracy.lines if x.get_label() == label)
        assert line.get_color() == color
        # As set, not as drawn: a pattern is scaled by the width.
        assert line._unscaled_dash_pattern == (
            (0, None) if dashes == '-' else dashes
        )


def test_files(tmp_path):
    plot_adaptation(dict(QP={'a': run()}), tmp_path / 'boomda.png')
    image = matplotlib.image.imread(tmp_path / 'boomda.png')
    assert image.shape[1] == pytest.approx(3.3 * 300, abs=2)
    assert image[..., :3].std() > 0.1
    plot_adaptation(dict(QP={'a': run()}), tmp_path / 'boomda.pdf')
    assert (tmp_path / 'boomda.pdf').read_bytes().startswith(b'%PDF')


@pytest.mark.parametrize(
    ('runs', 'out', 'smooth', 'message'),
    [
        (dict(a={'x': run()}), 'b.gif', 1, 'must end in .png or .pdf'),
        (dict(a={'x': run()}), 'b.png', 0, '`smooth` must be at least 1'),
        ({}, 'b.png', 1, 'must hold 1 to 5 labels.* got 0'),
        (
            dict(a={'x': run(), 'y': run(blocks=BLOCKS[:2])}),
            'b.png',
            1,
            r"run y has the curves \['discrepancy.audio', .*'kept', ",
        ),
        (
            dict(a={'x': run(), 'y': run(steps=STEPS + 1)}),
            'b.png',
            1,
            'run y has 5 logged iterations from 101 to 501',
        ),
    ],
)
def test_wrong_arguments(tmp_path, runs, out, smooth, message):
    with pytest.raises(ValueError, match=message):
        plot_adaptation(runs, tmp_path / out, smooth)
    assert not list(tmp_path.iterdir())
