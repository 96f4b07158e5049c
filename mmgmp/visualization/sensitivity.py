# Copyright (c) mmgmp authors.
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from matplotlib.transforms import ScaledTranslation

from .intervals import (
    CHANCE_DASHES,
    MARKER_ROOM,
    MeanInterval,
    check_mean_interval,
    clip_interval,
    draw_level,
)
from .style import (
    COLORS,
    COLUMN_WIDTH,
    add_legend,
    check_out,
    plain,
    save,
    set_log_ticks,
    styled,
)

NAMES = {
    'alpha_k': r'$\alpha_k$',
    'alpha_p': r'$\alpha_p$',
    'lambda': r'$\lambda$',
}
COLUMNS = 3
RUNS_BESIDE = 4  # points
PANEL_HEIGHT = 1.6  # inches
LINEAR_SPAN = 20  # largest ratio of the values on a linear axis

# Value of a parameter, mean accuracy and the ends of its interval.
Point = tuple[float, float, float, float]


@styled
def plot_sensitivity(
    curves: dict[str, Sequence[Point]],
    out: str | Path,
    baseline: MeanInterval | None = None,
    baseline_name: str = 'baseline',
    defaults: dict[str, float] | None = None,
    *,
    runs: Mapping[str, Mapping[float, Sequence[float]]] | None = None,
    chance: float | None = None,
    interval: str = 'interval',
) -> Figure:
    """Draw the accuracy over the values of each parameter (GMP, Fig. 4).

    There is one panel per parameter, and all share the axis of the accuracy,
    which is within 0 and 100 %.
    The axis of a parameter is logarithmic if its values are positive and span
    more than a factor of 20, and linear otherwise.

    Args:
        curves: Parameter -> points in ascending order: the value, and mean,
            low and high as fractions; low and high are NaN for a single run.
            A value without runs has NaN for all three; it breaks the line,
            and a cross marks it. ``alpha_k``, ``alpha_p`` and ``lambda`` are
            shown as symbols.
        out: File to write, ``.png`` or ``.pdf``; its folder is created.
        baseline: Mean, low and high of a method without these parameters,
            drawn as a dotted line on a band.
        baseline_name: Name of the baseline in the legend.
        defaults: Parameter -> its value in the configs, which a filled
            diamond marks.
        runs: Parameter -> value -> accuracy of each run, as fractions, drawn
            as small dots.
        chance: Accuracy of random guessing, drawn as a dash-dotted line.
        interval: Name of the intervals in the legend.

    Returns:
        The figure.

    Raises:
        ValueError: `out` has another suffix, `curves` or one of its curves is
            empty, values do not increase, a mean is not a fraction or not in
            its interval, or `defaults` names an unknown parameter or a value
            without a point.
    """
    out = check_out(out)
    defaults = defaults or {}
    _check(curves, baseline, baseline_name, defaults)
    columns = min(COLUMNS, len(curves))
    rows = math.ceil(len(curves) / columns)
    figure = Figure(
        figsize=(COLUMN_WIDTH, 0.3 + rows * (0.3 + PANEL_HEIGHT)),
        layout='constrained',
    )
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for ax in axes.flat[len(curves) :]:
        ax.remove()
    for ax, (parameter, points) in zip(axes.flat, curves.items()):
        if baseline is not None:
            _draw_baseline(ax, baseline, plain(baseline_name))
        if chance is not None:
            draw_level(ax.axhline, chance, 'chance', CHANCE_DASHES)
        _draw_curve(ax, points, defaults.get(parameter), interval)
        _draw_runs(ax, points, (runs or {}).get(parameter, {}))
        ax.set_xlabel(NAMES.get(parameter, plain(parameter)))
        _set_value_axis(ax, [point[0] for point in points])
    low, high = axes[0, 0].get_ylim()
    axes[0, 0].set_ylim(max(low, -MARKER_ROOM), min(high, 100 + MARKER_ROOM))
    for row in axes:
        row[0].set_ylabel('accuracy (%)')
    add_legend(figure)
    save(figure, out)
    return figure


def _check(
    curves: dict[str, Sequence[Point]],
    baseline: MeanInterval | None,
    baseline_name: str,
    defaults: dict[str, float],
) -> None:
    if not curves or not all(map(len, curves.values())):
        raise ValueError(
            '`curves` must have a parameter, and a point for each, got '
            f'{ {name: len(points) for name, points in curves.items()} }'
        )
    for parameter, points in curves.items():
        values = [point[0] for point in points]
        if any(b <= a for a, b in pairwise(values)):
            raise ValueError(
                f'the values of {parameter!r} must increase, got {values}'
            )
        for value, *estimate in points:
            if not math.isnan(estimate[0]):
                check_mean_interval(f'{parameter}={value}', estimate)
    if baseline is not None:
        check_mean_interval(baseline_name, baseline)
    for parameter, value in defaults.items():
        values = [point[0] for point in curves.get(parameter, ())]
        if value not in values:
            raise ValueError(
                f'`defaults` has {parameter!r} at {value}, but `curves` has '
                f'{parameter!r} at {values}'
            )


def _draw_baseline(ax: Axes, baseline: MeanInterval, name: str) -> None:
    """Draw the mean as a line and the interval as a band."""
    mean, low, high = (100 * value for value in clip_interval(baseline))
    if not math.isnan(low):
        ax.axhspan(low, high, color='0.88', linewidth=0, zorder=0)
    draw_level(ax.axhline, mean / 100, name, ':')


def _draw_curve(
    ax: Axes, points: Sequence[Point], default: float | None, interval: str
) -> None:
    """Draw the points, their intervals and the marker of the default."""
    values, means, lows, highs = np.array(points, dtype=float).T
    means = 100 * means
    lows, highs = 100 * np.clip((lows, highs), 0, 1)
    absent = values[np.isnan(means)]
    if len(absent):
        ax.plot(
            absent,
            np.full(len(absent), 0.07),
            label='no runs',
            color='black',
            linestyle='none',
            marker='x',
            markersize=5,
            transform=ax.get_xaxis_transform(),
        )
    ax.vlines(
        values,
        lows,
        highs,
        label=interval if np.isfinite(lows).any() else '',
        color=COLORS[0],
        linewidth=1.2,
    )
    ax.plot(
        values,
        means,
        color=COLORS[0],
        linewidth=1.2,
        marker='o',
        markersize=3.5,
        markerfacecolor='white',
    )
    if default is not None:
        ax.plot(
            default,
            means[values == default].item(),
            label='default',
            color='black',
            linestyle='none',
            marker='D',
            markersize=5,
            zorder=3,
        )


def _draw_runs(
    ax: Axes, points: Sequence[Point], runs: Mapping[float, Sequence[float]]
) -> None:
    """Draw a dot for each run, to the right of its interval."""
    shift = ScaledTranslation(RUNS_BESIDE / 72, 0, ax.figure.dpi_scale_trans)
    for place, *_ in points:
        accuracies = [100 * accuracy for accuracy in runs.get(place, ())]
        ax.plot(
            [place] * len(accuracies),
            accuracies,
            label='one run' if accuracies else None,
            color=COLORS[1],
            linestyle='none',
            marker='o',
            markersize=2,
            markeredgewidth=0,
            transform=ax.transData + shift,
        )


def _set_value_axis(ax: Axes, values: Sequence[float]) -> None:
    """Set a linear or a logarithmic axis with two to four plain ticks."""
    ax.margins(x=0.12)
    if min(values) > 0 and max(values) > LINEAR_SPAN * min(values):
        ax.set_xscale('log')
        low, high = ax.get_xlim()
        set_log_ticks(ax.xaxis, low, high, least=2, most=3)
        ax.set_xlim(low, high)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(3))
        ax.xaxis.set_major_formatter(StrMethodFormatter('{x:g}'))
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(StrMethodFormatter('{x:g}'))
    ax.tick_params(length=2, width=0.6)
