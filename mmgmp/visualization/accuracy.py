# Copyright (c) mmgmp authors.
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

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
    FONT_SIZE,
    add_legend,
    check_out,
    plain,
    save,
    styled,
)

MEAN = 'mean'
NAME_WIDTH = 18  # characters of a method's name in a line
LINE_HEIGHT = 0.19  # inches
RUNS_BELOW = 0.32  # lines
LEAST_RANGE = 4  # percentage points


@styled
def plot_accuracies(
    estimates: dict[str, dict[str, MeanInterval | None]],
    out: str | Path,
    baseline: str | None = None,
    chance: float | None = None,
    incomplete: dict[str, tuple[int, int]] | None = None,
    runs: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
    interval: str = 'interval',
) -> Figure:
    """Draw the accuracy of each method with its interval and its runs.

    There is one panel per target and one row per method, the first on top.
    All panels have the same axis, which is within 0 and 100 %; the part of an
    interval beyond that is not drawn.

    Args:
        estimates: Method -> target -> mean, low and high, as fractions; low
            and high are NaN for a single run. The target ``'mean'`` is the
            mean over the targets and is drawn last. None marks a target
            without finished runs, and the mean of a method with missing runs;
            the figure names both.
        out: File to write, ``.png`` or ``.pdf``; its folder is created.
        baseline: Method whose mean each panel shows as a dotted line.
        chance: Accuracy of random guessing, drawn as a dash-dotted line.
        incomplete: Method -> numbers of its finished and planned runs, for
            methods with missing runs. Their points are hollow, and the
            numbers follow the name.
        runs: Method -> target -> accuracy of each run, such as the seeds, as
            fractions; drawn as small dots. For ``'mean'``, the mean over the
            targets for each seed.
        interval: Name of the intervals in the legend, such as ``95 % t
            interval``.

    Returns:
        The figure.

    Raises:
        ValueError: `out` has another suffix, there is nothing to draw, a
            mean is not a fraction or not in its interval, or `baseline` or
            `incomplete` names a method without estimates.
    """
    out = check_out(out)
    incomplete = incomplete or {}
    targets = sorted(
        dict.fromkeys(t for e in estimates.values() for t in e),
        key=lambda target: target == MEAN,
    )
    _check(estimates, baseline, incomplete)
    names = [_name(label, incomplete.get(label)) for label in estimates]
    columns = min(2, len(targets))
    rows = math.ceil(len(targets) / columns)
    places, end = _places(names)
    height = rows * (0.45 + LINE_HEIGHT * end) + 0.5
    figure = Figure(figsize=(COLUMN_WIDTH, height), layout='constrained')
    grid = figure.subplots(
        rows, columns, sharex=True, sharey=True, squeeze=False
    )
    panels = dict(zip(targets, grid.flat))
    for target, ax in panels.items():
        column = {m: e.get(target) for m, e in estimates.items()}
        dots = {m: by.get(target, ()) for m, by in (runs or {}).items()}
        absent = 'runs missing' if target == MEAN else 'no runs'
        _draw_panel(ax, column, places, incomplete, absent, interval)
        _draw_runs(ax, [dots.get(m, ()) for m in estimates], places)
        _draw_references(ax, column.get(baseline or ''), baseline, chance)
        ax.set_title('mean of targets' if target == MEAN else plain(target))
    for ax in grid.flat[len(targets) :]:
        ax.remove()
    grid[0, 0].set_yticks(places, names)
    grid[0, 0].set_ylim(end + 0.2, -0.1)
    _set_accuracy_axis([*panels.values()], columns)
    figure.supxlabel('accuracy (%)', fontsize=FONT_SIZE)
    add_legend(figure)
    save(figure, out)
    return figure


def _check(
    estimates: dict[str, dict[str, MeanInterval | None]],
    baseline: str | None,
    incomplete: dict[str, tuple[int, int]],
) -> None:
    if not any(
        e for by_target in estimates.values() for e in by_target.values()
    ):
        raise ValueError('`estimates` has no accuracy: there are no runs')
    for method, by_target in estimates.items():
        for target, estimate in by_target.items():
            if estimate is not None:
                check_mean_interval(f'{method!r} on {target!r}', estimate)
    for label in [*incomplete, *([] if baseline is None else [baseline])]:
        if label not in estimates:
            raise ValueError(
                f'{label!r} of `baseline` or `incomplete` is not one of the '
                f'methods {list(estimates)}'
            )


def _name(label: str, runs: tuple[int, int] | None) -> str:
    """Wrap the name of a method, and add its runs if some are missing."""
    if runs is not None:
        label = f'{label} ({runs[0]}/{runs[1]})'
    return plain(fill(label, NAME_WIDTH, break_long_words=False))


def _places(names: list[str]) -> tuple[list[float], int]:
    """Compute the middle of each name and the end of the last, in lines."""
    places: list[float] = []
    end = 0
    for name in names:
        height = 1 + name.count('\n')
        places.append(end + height / 2)
        end += height
    return places, end


def _draw_panel(
    ax: Axes,
    column: dict[str, MeanInterval | None],
    places: list[float],
    incomplete: dict[str, tuple[int, int]],
    absent: str,
    interval: str,
) -> None:
    """Draw the point and the interval of each method on one target."""
    for y, (method, estimate) in zip(places, column.items(), strict=True):
        if estimate is None:
            ax.text(
                0.5,
                y,
                absent,
                transform=ax.get_yaxis_transform(),
                ha='center',
                va='center',
                style='italic',
                zorder=2.2,
                bbox=dict(color='white', pad=0.5),
            )
            continue
        mean, low, high = (100 * value for value in clip_interval(estimate))
        hollow = method in incomplete
        ax.plot(
            [low, high],
            [y, y],
            label=None if math.isnan(low) else interval,
            color=COLORS[0],
            linewidth=1.2,
        )
        ax.plot(
            mean,
            y,
            label='runs missing' if hollow else None,
            color=COLORS[0],
            linestyle='none',
            marker='o',
            markersize=4,
            markerfacecolor='white' if hollow else COLORS[0],
        )
    ax.grid(axis='y', color='0.9', linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(length=2, width=0.6)
    ax.tick_params(axis='y', length=0)


def _draw_references(
    ax: Axes,
    estimate: MeanInterval | None,
    baseline: str | None,
    chance: float | None,
) -> None:
    """Draw the lines of the baseline and of chance."""
    if estimate is not None:
        label = f'mean of {plain(baseline or "")}'
        draw_level(ax.axvline, estimate[0], label, ':')
    if chance is not None:
        draw_level(ax.axvline, chance, 'chance', CHANCE_DASHES)


def _draw_runs(
    ax: Axes, runs: Sequence[Sequence[float]], places: list[float]
) -> None:
    """Draw a dot for each run, below the interval of its method."""
    for y, accuracies in zip(places, runs, strict=True):
        ax.plot(
            [100 * accuracy for accuracy in accuracies],
            [y + RUNS_BELOW] * len(accuracies),
            label='one run' if len(accuracies) else None,
            color=COLORS[1],
            linestyle='none',
            marker='o',
            markersize=2,
            markeredgewidth=0,
        )


def _set_accuracy_axis(panels: Sequence[Axes], columns: int) -> None:
    """Set the axis that all panels share, within 0 and 100 %."""
    first = panels[0]
    low, high = first.get_xlim()
    if high - low < LEAST_RANGE:
        low, high = low - LEAST_RANGE / 2, high + LEAST_RANGE / 2
    # Room for a marker at the end of the scale.
    low, high = max(low, -MARKER_ROOM), min(high, 100 + MARKER_ROOM)
    first.set_xlim(low, high)
    step = next(s for s in (1, 2, 5, 10, 20, 25) if high - low <= 5 * s)
    first.xaxis.set_major_locator(MultipleLocator(step))
    for ax in panels[-columns:]:
        ax.tick_params(labelbottom=True)
