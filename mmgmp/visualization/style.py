# Copyright (c) mmgmp authors.
"""Sizes, fonts, colours, legends and ticks of all figures.

Items in different colours also differ in dashes, marker or text.
"""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator, StrMethodFormatter
from matplotlib.typing import FillStyleType, LineStyleType

from mmgmp.utils.atomic_local_backend import AtomicLocalBackend

SUFFIXES = ('.png', '.pdf')
Place = Literal['outside upper center', 'outside lower center']

COLUMN_WIDTH = 3.3  # inches: a text column of a two-column page
FONT_SIZE = 8
COLUMN_SPACE = 1.2  # between the columns of a legend, in font sizes
# Decorator of the functions that draw a figure.
styled = rc_context(
    {
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
)
# Palette of Okabe and Ito, which colour-blind readers can distinguish.
COLORS = (
    '#0072B2',
    '#D55E00',
    '#009E73',
    '#CC79A7',
    '#000000',
    '#E69F00',
    '#56B4E9',
)
DASHES: tuple[LineStyleType, ...] = (
    '-',
    (0, (4, 1.5)),
    (0, (1, 1.2)),
    (0, (6, 1.2, 1, 1.2)),
    (0, (10, 3)),
)
LINES = tuple(zip(DASHES, COLORS))
# Marker and fill style.
MARKERS: tuple[tuple[str, FillStyleType], ...] = (
    ('o', 'none'),
    ('^', 'full'),
    ('x', 'none'),
    ('s', 'none'),
    ('+', 'none'),
)


def check_out(out: str | Path) -> Path:
    """Return the path of the file to write.

    Raises:
        ValueError: Its suffix is neither ``.png`` nor ``.pdf``, it is a folder
            or a link, or a file that Matplotlib did not write.
    """
    out = Path(out)
    if out.suffix not in SUFFIXES:
        raise ValueError(f'`out` must end in .png or .pdf, got {str(out)!r}')
    if out.is_symlink():
        reason = 'is a link'
    elif out.is_dir():
        reason = 'is a folder'
    elif out.exists() and not (out.is_file() and _is_figure(out)):
        reason = 'is no figure of Matplotlib and would be lost'
    else:
        return out
    raise ValueError(f'`out` {out} {reason}: choose another file')


def _is_figure(path: Path) -> bool:
    data = path.read_bytes()
    return not data or b'Matplotlib' in data


def plain(text: str) -> str:
    """Escape a name, so that Matplotlib does not read it as a formula.

    Matplotlib leaves names such as ``_old`` out of a legend, so a space is put
    before them.
    """
    text = text.replace('$', r'\$')
    return f' {text}' if text.startswith('_') else text


def add_legend(
    figure: Figure,
    axes: Iterable[Axes] | None = None,
    loc: Place = 'outside upper center',
    handle: float = 2.6,
) -> None:
    """Add a legend with each label of the panels once.

    It has up to three columns, as many as fit.

    Args:
        figure: Figure with its panels drawn. Without labels it gets no
            legend.
        axes: The panels; None means all panels of the figure.
        loc: Place of the legend.
        handle: Length of the line or marker before a label, in font sizes.
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
    """Estimate whether a legend fits into the width of the figure."""
    letters = sum(
        max(map(len, column))
        for column in np.array_split(labels, columns)
        if len(column)
    )
    # In units of the font size; an average letter takes 0.55.
    width = 0.55 * letters + columns * (handle + 0.8 + COLUMN_SPACE)
    return width * FONT_SIZE <= 72 * figure.get_figwidth()


def set_log_ticks(
    axis: Axis, low: float, high: float, least: int, most: int | None = None
) -> None:
    """Use plain round numbers as the only ticks of a logarithmic axis.

    Args:
        axis: One of the two axes of a panel.
        low: Lower end of the axis, positive.
        high: Upper end.
        least: Smallest number of ticks, if the range has that many round
            numbers.
        most: Largest number of ticks; None sets no limit.
    """
    ticks = log_ticks(low, high, least)
    if most is not None:
        ticks = ticks[:: -(-len(ticks) // most)]
    axis.set_ticks(ticks)
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(StrMethodFormatter('{x:g}'))


def log_ticks(low: float, high: float, least: int) -> list[float]:
    """Find round numbers in a positive range.

    Args:
        low: Lower end.
        high: Upper end.
        least: How many to find, if the range has that many.

    Example:
        >>> log_ticks(0.005, 20, least=3)
        [0.01, 0.1, 1.0, 10.0]
    """
    exponents = range(int(np.log10(low)) - 1, int(np.log10(high)) + 2)
    for digits in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        ticks = [digit * 10.0**e for e in exponents for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= least:
            return ticks
    return [t for t in MaxNLocator(4).tick_values(low, high) if t > 0]


def save(figure: Figure, out: Path) -> None:
    """Write a figure as a whole, and create its folder.

    Raises:
        ValueError: The file cannot be written, or a text is no formula.
    """
    data = BytesIO()
    try:
        figure.savefig(data, format=out.suffix[1:])
    except ValueError as error:
        text = ' '.join(str(error).split())
        raise ValueError(f'the figure cannot be drawn: {text}') from error
    try:
        AtomicLocalBackend().put(data.getvalue(), out)
    except OSError as error:
        raise ValueError(f'`out` cannot be written: {error}') from error
