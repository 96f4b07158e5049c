# Copyright (c) mmgmp authors.
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from .style import COLUMN_WIDTH, check_out, plain, save, styled

MOST_CLASSES = 30  # more do not fit on a page
OTHERS = 'others'
CELL = 0.3  # inches, room for four digits
LETTER = 0.075  # inches
LIGHT = 'white'
DARK = 'black'


@styled
def plot_confusion(
    matrix: np.ndarray,
    classes: Sequence[str],
    out: str | Path,
    title: str = '',
) -> Figure:
    """Draw a confusion matrix: rows are true classes.

    The colour of a cell is its share of its row, and the number its count of
    clips. Rows without clips are white. For more than 30 classes, the figure
    shows those with the most errors and sums up the others.

    Args:
        matrix: (K, K) counts; rows are true classes, columns predicted ones.
        classes: K names.
        out: File to write, ``.png`` or ``.pdf``; its folder is created.
        title: Title above the matrix.

    Returns:
        The figure.

    Raises:
        ValueError: `out` has another suffix, or the shape of `matrix` does
            not fit the number of classes.
    """
    out = check_out(out)
    matrix = np.asarray(matrix)
    if matrix.shape != (len(classes), len(classes)):
        raise ValueError(
            f'`matrix` must be ({len(classes)}, {len(classes)}) for '
            f'{len(classes)} classes, got {matrix.shape}'
        )
    matrix, names = _most_confused(matrix, [*map(plain, classes)])
    clips = matrix.sum(axis=1, keepdims=True)
    shares = matrix / np.maximum(clips, 1)
    side = CELL * len(names)
    margin = 0.5 + LETTER * max(map(len, names))
    figure = Figure(
        figsize=(
            max(COLUMN_WIDTH, side + margin + 0.7),
            side + margin + 0.3 * bool(title),
        ),
        layout='constrained',
    )
    ax = figure.subplots()
    image = ax.imshow(100 * shares, cmap='Blues', vmin=0, vmax=100)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            ax.text(
                column,
                row,
                str(count),
                ha='center',
                va='center',
                color=LIGHT if shares[row, column] > 0.6 else DARK,
            )
    ax.set_xticks(range(len(names)), names, rotation=90)
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(length=0)
    ax.set_xlabel('predicted class')
    ax.set_ylabel('true class')
    ax.set_title(plain(title))
    bar = figure.colorbar(image, ax=ax, shrink=min(1.0, 2 / side))
    bar.set_label('share of the true class (%)')
    bar.set_ticks([0, 50, 100])
    save(figure, out)
    return figure


def _most_confused(
    matrix: np.ndarray, names: list[str]
) -> tuple[np.ndarray, list[str]]:
    """Sum up the classes beyond the largest number that can be shown."""
    if len(names) <= MOST_CLASSES:
        return matrix, names
    wrong = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    order = np.argsort(-wrong, kind='stable')
    kept, left = np.sort(order[: MOST_CLASSES - 1]), order[MOST_CLASSES - 1 :]
    columns = np.column_stack(
        [matrix[:, kept], matrix[:, left].sum(axis=1, keepdims=True)]
    )
    rows = np.vstack([columns[kept], columns[left].sum(axis=0)])
    return rows, [*(names[i] for i in kept), f'{len(left)} {OTHERS}']
