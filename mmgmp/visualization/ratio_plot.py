# Copyright (c) mmgmp authors.
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .curve_panel import draw_curves, set_log_axis
from .pooled_curves import modality_names, pool_labels
from .style import COLUMN_WIDTH, STYLE, add_legend, check_out, save
from .training_log import Curves

NAMES = dict(rho=r'semantic ratio $\rho$', sigma=r'domain ratio $\sigma$')
PANEL_SIZE = (COLUMN_WIDTH / 2, 1.0)  # inches; two modalities fill a column


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
    pooled = pool_labels(runs, smooth)
    ratios = [r for r in NAMES if any(r in label for label in pooled.values())]
    modalities = modality_names(pooled)
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
                ax.axhline(1, color='0.6', linewidth=0.6, zorder=1)
                draw_curves(ax, pooled, ratio, modality)
                ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
            row[0].set_ylabel(NAMES[ratio])
            set_log_axis(row[0])
        for ax, modality in zip(axes[0], modalities, strict=True):
            ax.set_title(modality)
        figure.align_ylabels(axes[:, 0])
        figure.supxlabel('iteration', fontsize=STYLE['font.size'])
        add_legend(figure)
        save(figure, out)
    return figure
