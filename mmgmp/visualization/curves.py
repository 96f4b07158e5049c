# Copyright (c) mmgmp authors.
import math
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from matplotlib.typing import LineStyleType

from .logs import (
    Curves,
    PooledCurve,
    Record,
    check_alike,
    match_keys,
    pool_runs,
    select_curves,
    spread_globs,
)
from .style import (
    COLUMN_WIDTH,
    FONT_SIZE,
    LINES,
    add_legend,
    check_out,
    plain,
    save,
    set_log_ticks,
    styled,
)

ROW_HEIGHT = 1.05  # inches
PANEL_WIDTH = COLUMN_WIDTH / 3  # inches, at least
LETTER_WIDTH = 0.065  # inches, in a title
NAME_WIDTH = 14  # letters in a line of a row's name
MOST_TICKS = 5


class Row(NamedTuple):
    """Panels side by side that share a vertical axis."""

    name: str
    titles: dict[str, str]  # key -> title of its panel
    log: bool


@styled
def plot_curves(
    runs: Mapping[str, Mapping[str, Sequence[Record]]],
    keys: Sequence[str],
    out: str | Path,
    *,
    names: Sequence[str] | None = None,
    log: Collection[str] = (),
    lines: Mapping[str, float] | None = None,
    where: Mapping[str, str] | None = None,
    smooth: int = 1,
) -> Figure:
    """Draw logged scalars over the iterations.

    Each glob of `keys` is a row of panels with a common vertical axis, one
    panel per key that it matches. Each label has its own line style. Several
    runs of a label, such as its seeds, are drawn as their mean with a band
    from the lowest to the highest run. A label that did not log a key is
    absent from its panel, and lines skip iterations without a finite value.

    Args:
        runs: Label -> name of a run, for errors -> its training records, see
            :func:`read_training_log`.
        keys: Globs, such as ``'gmp/rho.*'`` or ``'loss'``.
        out: File to write, ``.png`` or ``.pdf``; its folder is created.
        names: Name of each row. The default is the fixed part of its glob.
        log: Globs of positive scalars, such as ratios. Their rows have a
            logarithmic axis and a geometric mean over the runs, so that a
            ratio and its inverse have the mean 1; values that are not
            positive are left out. Other rows have a linear axis and an
            arithmetic mean.
        lines: Glob -> value that a thin horizontal line marks, such as 1 for a
            balanced ratio.
        where: Glob -> key. Values are left out where the key is 0, such as an
            accuracy over 0 samples.
        smooth: Number of logged points in a centred moving average, which is
            applied to each run.

    Returns:
        The figure.

    Raises:
        ValueError: `out` has another suffix, `smooth` is less than 1, there
            are no labels or more labels than line styles, a label has no runs,
            its runs logged different keys or iterations, a glob matches
            nothing, a run has none of the keys, or `names` differs in length
            from `keys`.
    """
    out = check_out(out)
    lines, where = lines or {}, where or {}
    _check(runs, keys, names, where, smooth)
    every = [item for by_run in runs.values() for item in by_run.items()]
    matches = match_keys(every, keys)
    drawn = list(dict.fromkeys(key for row in matches for key in row))
    on_log_axis = spread_globs('log', dict.fromkeys(log, True), drawn)
    levels = spread_globs('lines', lines, drawn)
    where = spread_globs('where', where, drawn)
    rows = [
        make_row(glob, row, not on_log_axis.keys().isdisjoint(row))
        for glob, row in zip(keys, matches)
    ]
    if names is not None:
        rows = [row._replace(name=name) for row, name in zip(rows, names)]
    curves: dict[str, list[Curves]] = {}
    for label, by_run in runs.items():
        selected = {
            name: select_curves(records, drawn, where)
            for name, records in by_run.items()
        }
        check_alike(selected)
        curves[label] = list(selected.values())
    figure = Figure(figsize=_size(rows), layout='constrained')
    panels = _add_panels(figure, rows)
    for row, axes in zip(rows, panels):
        for key, ax in zip(row.titles, axes):
            if key in levels:
                ax.axhline(levels[key], color='0.6', linewidth=0.6, zorder=1)
            for (label, group), (dashes, color) in zip(curves.items(), LINES):
                pooled = pool_runs(group, key, row.log, smooth)
                _draw_curve(ax, pooled, label, dashes, color)
        _set_value_axis(axes[0], row.log)
    # Shared axes would share their ticks too, but rows differ in width.
    limits = [end for ax in figure.axes for end in ax.get_xlim()]
    for ax in figure.axes:
        ax.set_xlim(min(limits), max(limits))
    figure.align_ylabels([axes[0] for axes in panels])
    figure.supxlabel('iteration', fontsize=FONT_SIZE)
    add_legend(figure)
    save(figure, out)
    return figure


def _check(
    runs: Mapping[str, Mapping[str, Sequence[Record]]],
    keys: Sequence[str],
    names: Sequence[str] | None,
    where: Mapping[str, str],
    smooth: int,
) -> None:
    if smooth < 1:
        raise ValueError(f'`smooth` must be at least 1, got {smooth}')
    if not 1 <= len(runs) <= len(LINES):
        raise ValueError(
            f'`runs` must have 1 to {len(LINES)} labels, because there are '
            f'only {len(LINES)} line styles, got {len(runs)}'
        )
    for label, by_run in runs.items():
        if not by_run:
            raise ValueError(f'`runs` has no run for the label {label!r}')
    if not keys:
        raise ValueError('`keys` must have at least one glob')
    if names is not None and len(names) != len(keys):
        raise ValueError(
            f'`names` must have a name for each of `keys` {list(keys)}, got '
            f'{list(names)}'
        )
    records = [r for x in runs.values() for run in x.values() for r in run]
    for key in where.values():
        if not any(key in record for record in records):
            raise ValueError(f'no run logged {key!r}, which `where` names')


def make_row(glob: str, keys: Sequence[str], log: bool) -> Row:
    """Name a row by the fixed part of its glob, and its panels by the rest.

    Args:
        glob: Pattern of the row.
        keys: Keys that it matches.
        log: Whether the vertical axis is logarithmic.

    Example:
        >>> make_row('gmp/rho.*', ['gmp/rho.video', 'gmp/rho.audio'], True)
        Row(name='rho', titles={'gmp/rho.video': 'video', \
'gmp/rho.audio': 'audio'}, log=True)
    """
    # Whole words only: cut after the last dot or slash before a wildcard.
    fixed = re.sub(r'[^./]*$', '', re.split(r'[*?[]', glob)[0])
    titles = {key: key.removeprefix(fixed) for key in keys}
    if glob in titles and not fixed.endswith('.'):
        fixed, titles = glob, {glob: ''}
    name = fixed.strip('./').rpartition('/')[2].replace('_', ' ')
    return Row(fill(name, NAME_WIDTH), titles, log)


def _size(rows: Sequence[Row]) -> tuple[float, float]:
    """Compute the width and height of the figure in inches."""
    widths = [
        len(row.titles)
        * max(PANEL_WIDTH, LETTER_WIDTH * max(map(len, row.titles.values())))
        for row in rows
    ]
    return max(COLUMN_WIDTH, *widths), 0.75 + ROW_HEIGHT * len(rows)


def _add_panels(figure: Figure, rows: Sequence[Row]) -> list[list[Axes]]:
    """Add the empty panels of each row.

    Consecutive rows with the same titles form one block: the titles are above
        the block and the iterations below.
    """
    titles = [list(row.titles.values()) for row in rows]
    grid = GridSpec(len(rows), math.lcm(*map(len, titles)), figure)
    panels: list[list[Axes]] = []
    for place, row in enumerate(rows):
        count = len(titles[place])
        span = grid.ncols // count
        axes: list[Axes] = []
        for index, title in enumerate(titles[place]):
            ax = figure.add_subplot(
                grid[place, span * index : span * (index + 1)],
                sharey=axes[0] if axes else None,
            )
            if titles[place - 1 : place] != [titles[place]]:
                ax.set_title(plain(title))
            ax.tick_params(
                length=2,
                width=0.6,
                labelleft=index == 0,
                labelbottom=titles[place + 1 : place + 2] != [titles[place]],
            )
            intervals = max(2, 5 - count)
            ax.xaxis.set_major_locator(
                MaxNLocator(intervals, steps=[1, 2, 5, 10], integer=True)
            )
            axes.append(ax)
        axes[0].set_ylabel(row.name)
        panels.append(axes)
    return panels


def _draw_curve(
    ax: Axes, curve: PooledCurve, label: str, dashes: LineStyleType, color: str
) -> None:
    """Draw a mean and, if the runs differ, a band with thin edges."""
    seen = np.isfinite(curve.mean)
    steps, mean, low, high = (x[seen] for x in curve)
    ax.plot(
        steps,
        mean,
        label=plain(label),
        color=color,
        linestyle=dashes,
        linewidth=1.2,
        marker='.' if len(mean) == 1 else None,
    )
    if (low < high).any():
        ax.fill_between(steps, low, high, color=color, alpha=0.15, lw=0)
        for edge in (low, high):
            ax.plot(steps, edge, color=color, linestyle=dashes, linewidth=0.4)


def _set_value_axis(ax: Axes, log: bool) -> None:
    """Give the vertical axis of a row plain numbers as ticks."""
    if not log:
        ax.yaxis.set_major_locator(
            MaxNLocator(MOST_TICKS, steps=[1, 2, 5, 10])
        )
        ax.yaxis.set_major_formatter(StrMethodFormatter('{x:g}'))
        return
    ax.set_yscale('log')
    low, high = ax.get_ylim()
    if low <= 0:  # nothing is drawn
        low, high = 0.1, 10
    set_log_ticks(ax.yaxis, low, high, least=3, most=MOST_TICKS)
    ax.set_ylim(low, high)
