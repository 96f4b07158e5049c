# Copyright (c) mmgmp authors.
"""The figure of a confusion matrix: cells, names, many classes."""

import numpy as np
import pytest

from mmgmp.visualization import confusion, plot_confusion
from tests.utils.figures import assert_readable


@pytest.fixture
def plot(monkeypatch, tmp_path):
    monkeypatch.setattr(confusion, 'save', lambda figure, out: None)

    def plot(matrix, names, title=''):
        return plot_confusion(matrix, names, tmp_path / 'c.png', title)

    return plot


def test_cells_have_counts_and_shares_of_their_row(plot):
    matrix = [[9, 1, 0], [0, 0, 0], [1, 1, 2]]
    figure = plot(matrix, ['run', 'sit $x', 'eat'], 'target a')
    ax, _ = figure.axes
    cells = {t.get_position(): t.get_text() for t in ax.texts}
    assert cells == {
        (0, 0): '9',
        (1, 0): '1',
        (0, 2): '1',
        (1, 2): '1',
        (2, 2): '2',
    }
    # Dark cells have light numbers.
    colors = {t.get_position(): t.get_color() for t in ax.texts}
    assert colors[0, 0] == 'white' and colors[2, 2] == 'black'
    (image,) = ax.images
    np.testing.assert_allclose(
        image.get_array(), [[90, 10, 0], [0, 0, 0], [25, 25, 50]]
    )
    assert next(t.get_text() for t in ax.get_yticklabels()) == 'run'
    assert ax.get_title() == 'target a'
    assert_readable(figure)


def test_classes_beyond_a_page_are_summed_up(plot):
    matrix = np.diag(np.full(40, 100))
    matrix[35, 36] = 7
    figure = plot(matrix, [f'class {i}' for i in range(40)])
    ax = figure.axes[0]
    names = [t.get_text() for t in ax.get_yticklabels()]
    assert len(names) == 30
    assert names[-3:] == ['class 35', 'class 36', '11 others']
    cells = {t.get_position(): t.get_text() for t in ax.texts}
    assert cells[28, 27] == '7'
    assert cells[29, 29] == '1100'
    assert_readable(figure)


def test_file(tmp_path):
    plot_confusion([[1]], ['a'], tmp_path / 'new/c.png')
    assert (tmp_path / 'new/c.png').read_bytes().startswith(b'\x89PNG')
    with pytest.raises(ValueError, match=r'`matrix` must be \(2, 2\)'):
        plot_confusion([[1]], ['a', 'b'], tmp_path / 'c.png')
