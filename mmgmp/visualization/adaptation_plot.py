# Copyright (c) mmgmp authors.
import math
from pathlib import Path
from typing import NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import MaxNLocator

from .curve_panel import draw_curves, set_log_axis
from .pooled_curves import Pooled, modality_names, pool_labels
from .style import COLUMN_WIDTH, STYLE, add_legend, check_out, save
from .training_log import Curves

FRACTIONS = ('gamma', 'kept', 'pseudo_accuracy')
ROW_HEIGHT = 0.95  # inches
BLOCK_WIDTH = COLUMN_WIDTH / 3  # two modalities and both fill a column
MOST_TICKS = 4


class Row(NamedTuple):
    """Panels side by side on one vertical axis."""

    name: str
    panels: list[tuple[str, str]]  # quantity and block
    titles: list[str]
    logarithmic: bool


def plot_adaptation(
    runs: dict[str, dict[str, Curves]], out: str | Path, smooth: int = 1
) -> Figure:
    """Draw how Boomda balanced the alignment and labelled the target.

    From the top, over the iterations: the ratio r of the off-diagonal to the
    diagonal of the Gramian (Boomda, Fig. 3) with a line at 1, far below which
    the closed form of the weights is exact; the weight of each block; its
    discrepancy; the share of the target that got a pseudo label and, where
    it was logged, the accuracy of these labels. Ratios and discrepancies have
    logarithmic axes.

    There is one line style per label. Several runs of a label, such as its
    seeds, are drawn as their mean on a band from the lowest to the highest
    run. The mean of ratios and discrepancies is geometric, that of weights
    and shares arithmetic; both are over the runs that have a value, see
    :func:`adaptation_curves`, and lines pass over iterations where none has.

    Args:
        runs: Label -> name of a run, for errors -> its curves of
            :func:`adaptation_curves`.
        out: File to write, ``.png`` or ``.pdf``; its folder is created.
        smooth: Number of logged points in a centred moving average, which
            is taken of each run.

    Returns:
        The figure.

    Raises:
        ValueError: `out` has another suffix, `smooth` is less than 1, there
            are no labels or more than line styles, a label has no runs, or
            its runs differ in their quantities, blocks or iterations.
    """
    out = check_out(out)
    pooled = pool_labels(runs, smooth, arithmetic=FRACTIONS)
    rows = _rows(pooled)
    columns = math.lcm(*(len(row.panels) for row in rows))
    width = BLOCK_WIDTH * max(3, *(len(row.panels) for row in rows))
    with rc_context(STYLE):
        figure = Figure(
            figsize=(width, 0.6 + ROW_HEIGHT * len(rows)),
            layout='constrained',
        )
        grid = GridSpec(len(rows), columns, figure)
        firsts = [
            _draw_row(figure, grid, place, row, pooled)
            for place, row in enumerate(rows)
        ]
        # Ticks would be shared with the limits, but widths differ.
        limits = [end for ax in figure.axes for end in ax.get_xlim()]
        for ax in figure.axes:
            ax.set_xlim(min(limits), max(limits))
        figure.align_ylabels(firsts)
        figure.supxlabel('iteration', fontsize=STYLE['font.size'])
        add_legend(figure)
        save(figure, out)
    return figure


def _rows(pooled: Pooled) -> list[Row]:
    """The rows of which there is something to draw."""
    blocks = [name for name in modality_names(pooled) if name]
    rows = [
        Row('ratio $r$', [('ratio', '')], [''], True),
        Row(r'weight $\gamma$', [('gamma', b) for b in blocks], blocks, False),
        Row(
            'discrepancy',
            [('discrepancy', b) for b in blocks],
            [''] * len(blocks),
            True,
        ),
        Row('fraction', [('kept', '')], ['target kept'], False),
    ]
    if any('pseudo_accuracy' in curves for curves in pooled.values()):
        rows[-1].panels.append(('pseudo_accuracy', ''))
        rows[-1].titles.append('accuracy of kept')
    return rows


def _draw_row(
    figure: Figure, grid: GridSpec, place: int, row: Row, pooled: Pooled
) -> Axes:
    """Draw the panels of a row and return the first."""
    span = grid.ncols // len(row.panels)
    axes: list[Axes] = []
    for index, (quantity, block) in enumerate(row.panels):
        ax = figure.add_subplot(
            grid[place, span * index : span * (index + 1)],
            sharey=axes[0] if axes else None,
        )
        if quantity == 'ratio':
            ax.axhline(1, color='0.6', linewidth=0.6, zorder=1)
        draw_curves(ax, pooled, quantity, block)
        intervals = max(2, 5 - len(row.panels))
        ax.xaxis.set_major_locator(
            MaxNLocator(intervals, steps=[1, 2, 5, 10], integer=True)
        )
        ax.set_title(row.titles[index])
        ax.tick_params(labelleft=index == 0, labelbottom=quantity != 'gamma')
        axes.append(ax)
    axes[0].set_ylabel(row.name)
    if row.logarithmic:
        set_log_axis(axes[0], MOST_TICKS)
    else:
        axes[0].set(ylim=(-0.03, 1.03), yticks=(0, 0.5, 1))
    return axes[0]
