# Copyright (c) mmgmp authors.
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    MaxNLocator,
    NullLocator,
    StrMethodFormatter,
)

from .training_log import Curves

NAMES = dict(rho=r'semantic ratio $\rho$', sigma=r'domain ratio $\sigma$')
SUFFIXES = ('.png', '.pdf')

PANEL_SIZE = (1.68, 1.0)  # inches; two modalities fill a text column
STYLE = {
    'font.size': 8,
    'axes.linewidth': 0.6,
    'pdf.fonttype': 42,
    'savefig.dpi': 300,
}
# Told apart by their dashes alone; the colours (Okabe and Ito) only help.
LINES = (
    ('-', '#0072B2'),
    ((0, (4, 1.5)), '#D55E00'),
    ((0, (1, 1.2)), '#009E73'),
    ((0, (6, 1.2, 1, 1.2)), '#CC79A7'),
    ((0, (10, 3)), '#000000'),
)


def plot_ratios(
    runs: dict[str, Curves], out: str | Path, smooth: int = 1
) -> None:
    """Draw the discrepancy ratios over the iterations (GMP, Fig. 5).

    One panel per ratio and modality and one line style per run. The vertical
    axis is logarithmic, so that a ratio and its inverse lie equally far from
    the line of balance at 1.

    Args:
        runs: Label -> curves of :func:`discrepancy_ratios`.
        out: File to write, ``.png`` or ``.pdf``; its folder is created.
        smooth: Number of logged points in a centred moving average.

    Raises:
        ValueError: `out` has another suffix, `smooth` is less than 1, or there
            are no runs or more than line styles.
    """
    out = Path(out)
    if out.suffix not in SUFFIXES:
        raise ValueError(f'`out` must end in .png or .pdf, got {str(out)!r}')
    if smooth < 1:
        raise ValueError(f'`smooth` must be at least 1, got {smooth}')
    if not 1 <= len(runs) <= len(LINES):
        raise ValueError(
            f'`runs` must hold 1 to {len(LINES)} runs, which is how many line '
            f'styles can be told apart, got {len(runs)}'
        )
    ratios = [r for r in NAMES if any(r in curves for curves in runs.values())]
    modalities = list(
        dict.fromkeys(
            modality
            for curves in runs.values()
            for by_modality in curves.values()
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
                _draw_panel(ax, runs, ratio, modality, smooth)
            row[0].set_ylabel(NAMES[ratio])
            _set_ratio_axis(row[0])
        for ax, modality in zip(axes[0], modalities, strict=True):
            ax.set_title(modality, fontsize=8)
        figure.align_ylabels(axes[:, 0])
        figure.supxlabel('iteration', fontsize=8)
        figure.legend(
            *axes[0, 0].get_legend_handles_labels(),
            loc='outside upper center',
            ncols=min(3, len(runs)),
            frameon=False,
            handlelength=3,
        )
        out.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(out)


def _moving_average(values: np.ndarray, size: int) -> np.ndarray:
    """Mean over `size` points around each; over fewer at the ends."""
    window = np.ones(min(size, len(values)))
    count = np.convolve(np.ones_like(values), window, mode='same')
    return np.convolve(values, window, mode='same') / count


def _draw_panel(
    ax: Axes, runs: dict[str, Curves], ratio: str, modality: str, smooth: int
) -> None:
    ax.axhline(1, color='0.6', linewidth=0.6, zorder=1)
    for (label, curves), (dashes, color) in zip(
        runs.items(), LINES, strict=False
    ):
        steps, values = curves.get(ratio, {}).get(modality, ([], []))
        if len(values):
            values = _moving_average(values, smooth)
        ax.plot(
            steps,
            values,
            label=label,
            color=color,
            linestyle=dashes,
            linewidth=1.2,
            marker='.' if len(values) == 1 else None,
        )
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.tick_params(length=2, width=0.6)


def _set_ratio_axis(ax: Axes) -> None:
    """Logarithmic axis with plain numbers as ticks."""
    ax.set_yscale('log')
    low, high = ax.get_ylim()
    ax.set_yticks(_ratio_ticks(low, high))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(StrMethodFormatter('{x:g}'))
    ax.set_ylim(low, high)


def _ratio_ticks(low: float, high: float) -> list[float]:
    """At least three round numbers in a range of ratios, if it has them."""
    exponents = range(int(np.log10(low)) - 1, int(np.log10(high)) + 2)
    for digits in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        ticks = [digit * 10.0**e for e in exponents for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= 3:
            return ticks
    return [t for t in MaxNLocator(4).tick_values(low, high) if t > 0]
