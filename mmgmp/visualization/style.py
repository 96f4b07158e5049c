# Copyright (c) mmgmp authors.
"""What the figures share: sizes, fonts, colours and files.

Colours only help: whatever they tell apart also differs by its dashes, its
marker or its text.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

SUFFIXES = ('.png', '.pdf')

COLUMN_WIDTH = 3.3  # inches: a text column of a page with two
FONT_SIZE = 8
COLUMN_SPACE = 1.2  # between the columns of a legend, in font sizes
STYLE = {
    'font.size': FONT_SIZE,
    'axes.titlesize': FONT_SIZE,
    'axes.labelsize': FONT_SIZE,
    'xtick.labelsize': FONT_SIZE,
    'ytick.labelsize': FONT_SIZE,
    'legend.fontsize': FONT_SIZE,
    'axes.linewidth': 0.6,
    'pdf.fonttype': 42,
    'savefig.dpi': 300,
}
# Okabe and Ito, distinct for the colour-blind too.
COLORS = (
    '#0072B2',
    '#D55E00',
    '#009E73',
    '#CC79A7',
    '#000000',
    '#E69F00',
    '#56B4E9',
)
DASHES = (
    '-',
    (0, (4, 1.5)),
    (0, (1, 1.2)),
    (0, (6, 1.2, 1, 1.2)),
    (0, (10, 3)),
)
LINES = tuple(zip(DASHES, COLORS))
# Shapes, and how they are filled.
MARKERS = (
    ('o', 'none'),
    ('^', 'full'),
    ('x', 'none'),
    ('s', 'none'),
    ('+', 'none'),
)


def check_out(out: str | Path) -> Path:
    """Path of the file to write.

    Raises:
        ValueError: It has another suffix than ``.png`` or ``.pdf``.
    """
    out = Path(out)
    if out.suffix not in SUFFIXES:
        raise ValueError(f'`out` must end in .png or .pdf, got {str(out)!r}')
    return out


def add_legend(
    figure: Figure,
    axes: Iterable[Axes] | None = None,
    loc: str = 'outside upper center',
    handle: float = 2.6,
) -> None:
    """Name what is labelled in the panels, each label once.

    It has up to three columns, as many as fit.

    Args:
        figure: Figure with its panels drawn; without labels it gets no
            legend.
        axes: The panels. None are all of the figure.
        loc: Where the legend goes.
        handle: Length of what stands before a label, in font sizes.
    """
    handles = {
        label: handle
        for ax in (figure.axes if axes is None else axes)
        for handle, label in zip(*ax.get_legend_handles_labels())
    }
    if not handles:
        return
    columns = 3
    while columns > 1 and not _fits(figure, list(handles), columns, handle):
        columns -= 1
    figure.legend(
        handles.values(),
        handles.keys(),
        loc=loc,
        ncols=columns,
        frameon=False,
        handlelength=handle,
        columnspacing=COLUMN_SPACE,
        borderaxespad=0.2,
    )


def _fits(
    figure: Figure, labels: list[str], columns: int, handle: float
) -> bool:
    """Whether a legend is no wider than the figure, about."""
    letters = sum(
        max(map(len, column))
        for column in np.array_split(labels, columns)
        if len(column)
    )
    # In units of the font size; a letter is as wide as that on average.
    width = 0.55 * letters + columns * (handle + 0.8 + COLUMN_SPACE)
    return width * FONT_SIZE <= 72 * figure.get_figwidth()


def save(figure: Figure, out: Path) -> None:
    """Write a figure; the folder of the file is created."""
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out)
