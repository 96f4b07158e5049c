# Copyright (c) mmgmp authors.
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .log_axis import set_log_ticks
from .pooled_ratios import PooledRatio, pool_ratios
from .style import COLUMN_WIDTH, LINES, STYLE, add_legend, check_out, save
from .training_log import Curves

NAMES = dict(rho=r'semantic ratio $\rho$', sigma=r'domain ratio $\sigma$')
PANEL_SIZE = (COLUMN_WIDTH / 2, 1.0)  # inches; two modalities fill a column

# Label -> ratio -> modality -> mean and range over the runs.
Pooled = dict[str, dict[str, dict[str, PooledRatio]]]


def plot_ratios(
    runs: dict[str, dict[str, Curves]], out: str | Path, smooth: int = 1
) -> Figure:
    """Draw the discrepancy ratios over the iterations (GMP, Fig. 5).

    One panel per ratio and modality and one line style per label. Several
    runs of a label, such as its seeds, are drawn as their geometric mean on a
    band from the lowest to the highest run, whose edges have thin lines in
    the style of the label. The vertical axis is logarithmic, so that a ratio
    and its inverse lie equally far from the line of balance at 1.

    Args:
        runs: Label -> name of a run, for errors -> its curves of
            :func:`discrepancy_ratios`.
        out: File to write, ``.png`` or ``.pdf``; its folder is created.
        smooth: Number of logged points in a centred moving average, which
            is taken of each run.

    Returns:
        The figure.

    Raises:
        ValueError: `out` has another suffix, `smooth` is less than 1, there
            are no labels or more than line styles, a label has no runs, or
            its runs differ in their ratios, modalities or iterations.
    """
    out = check_out(out)
    if smooth < 1:
        raise ValueError(f'`smooth` must be at least 1, got {smooth}')
    if not 1 <= len(runs) <= len(LINES):
        raise ValueError(
            f'`runs` must hold 1 to {len(LINES)} labels, which is how many '
            f'line styles can be told apart, got {len(runs)}'
        )
    for label, curves in runs.items():
        if not curves:
            raise ValueError(f'`runs` has no run for the label {label!r}')
    pooled = {
        label: pool_ratios(curves, smooth) for label, curves in runs.items()
    }
    ratios = [r for r in NAMES if any(r in label for label in pooled.values())]
    modalities = list(
        dict.fromkeys(
            modality
            for by_ratio in pooled.values()
            for by_modality in by_ratio.values()
            for modality in by_modality
        )
    )
    width, height = PANEL_SIZE
    with rc_context(STYLE):
        figure = Figure(
            figsize=(width * len(modalities), 0.85 + height * len(ratios)),
            layout='constrained',
        )
        axes = figure.subplots(
            len(ratios),
            len(modalities),
            sharex=True,
            sharey='row',
            squeeze=False,
        )
        for row, ratio in zip(axes, ratios, strict=True):
            for ax, modality in zip(row, modalities, strict=True):
                _draw_panel(ax, pooled, ratio, modality)
            row[0].set_ylabel(NAMES[ratio])
            _set_ratio_axis(row[0])
        for ax, modality in zip(axes[0], modalities, strict=True):
            ax.set_title(modality)
        figure.align_ylabels(axes[:, 0])
        figure.supxlabel('iteration', fontsize=STYLE['font.size'])
        add_legend(figure)
        save(figure, out)
    return figure


def _draw_panel(ax: Axes, pooled: Pooled, ratio: str, modality: str) -> None:
    ax.axhline(1, color='0.6', linewidth=0.6, zorder=1)
    for (label, by_ratio), (dashes, color) in zip(pooled.items(), LINES):
        curve = by_ratio.get(ratio, {}).get(modality)
        steps, mean, low, high = curve or ([], [], [], [])
        ax.plot(
            steps,
            mean,
            label=label,
            color=color,
            linestyle=dashes,
            linewidth=1.2,
            marker='.' if len(mean) == 1 else None,
        )
        if curve is not None and (low < high).any():
            ax.fill_between(steps, low, high, color=color, alpha=0.15, lw=0)
            for edge in (low, high):
                ax.plot(
                    steps, edge, color=color, linestyle=dashes, linewidth=0.4
                )
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.tick_params(length=2, width=0.6)


def _set_ratio_axis(ax: Axes) -> None:
    """Logarithmic axis with plain numbers as ticks."""
    ax.set_yscale('log')
    low, high = ax.get_ylim()
    set_log_ticks(ax.yaxis, low, high, least=3)
    ax.set_ylim(low, high)
