# Copyright (c) mmgmp authors.
import math
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator
from matplotlib.typing import LineStyleType

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
LINE_HEIGHT = 0.16  # inches

# Mean of an accuracy and the ends of its interval, as fractions. Both ends
# are NaN for a single run, which has no interval.
MeanInterval = tuple[float, float, float]


@styled
def plot_accuracies(
    estimates: dict[str, dict[str, MeanInterval | None]],
    out: str | Path,
    baseline: str | None = None,
    chance: float | None = None,
    incomplete: dict[str, tuple[int, int]] | None = None,
) -> Figure:
    """Draw the accuracy of each method with its interval.

    There is one panel per target and one row per method, the first on top.
    All axes have the same length in percentage points, so that intervals can
    be compared across panels.

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
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    panels = dict(zip(targets, grid.flat))
    for target, ax in panels.items():
        column = {m: e.get(target) for m, e in estimates.items()}
        absent = 'runs missing' if target == MEAN else 'no runs'
        _draw_panel(ax, column, places, incomplete, absent)
        _draw_references(ax, column.get(baseline or ''), baseline, chance)
        ax.set_title('mean of targets' if target == MEAN else plain(target))
    for ax in grid.flat[len(targets) :]:
        ax.remove()
    grid[0, 0].set_yticks(places, names)
    grid[0, 0].set_ylim(end, 0)
    _set_equal_lengths(list(panels.values()))
    figure.supxlabel('accuracy (%)', fontsize=FONT_SIZE)
    add_legend(figure)
    save(figure, out)
    return figure


def check_mean_interval(name: str, estimate: Sequence[float]) -> None:
    """Check the mean of an accuracy and its interval.

    An interval may extend beyond [0, 1], as Student's t can.

    Args:
        name: Description of the estimate for the error message.
        estimate: Mean, low and high.

    Raises:
        ValueError: The mean is not a fraction, or not in its interval.
    """
    mean, low, high = estimate
    if not 0 <= mean <= 1:
        raise ValueError(
            f'the mean of {name} must be a fraction in [0, 1], got {mean}'
        )
    if math.isnan(low) and math.isnan(high):
        return
    rounding = 1e-9
    if not low - rounding <= mean <= high + rounding:
        raise ValueError(
            f'the interval of {name} must contain its mean {mean}, got {low} '
            f'to {high}'
        )


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
        mean, low, high = (100 * value for value in estimate)
        hollow = method in incomplete
        ax.plot([low, high], [y, y], color=COLORS[0], linewidth=1.2)
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
    lines: list[tuple[float, LineStyleType, str]] = []
    if estimate is not None:
        lines.append((estimate[0], ':', f'mean of {plain(baseline or "")}'))
    if chance is not None:
        lines.append((chance, (0, (6, 1.2, 1, 1.2)), 'chance'))
    for value, dashes, label in lines:
        ax.axvline(
            100 * value,
            label=label,
            color='0.25',
            linestyle=dashes,
            linewidth=0.9,
            zorder=1,
        )


def _set_equal_lengths(panels: list[Axes]) -> None:
    """Give all horizontal axes the length and the tick step of the longest."""
    limits = {ax: ax.get_xlim() for ax in panels if ax.lines}
    length = max(high - low for low, high in limits.values())
    length = max(length, 2)
    # The interval of only two runs may be much longer than [0, 1].
    steps = (s * 10**e for e in range(4) for s in (1, 2, 5))
    step = next(s for s in steps if length <= 5 * s)
    for ax in panels:
        if ax not in limits:
            ax.set_xticks([])
            continue
        low, high = limits[ax]
        middle = (low + high) / 2
        ax.set_xlim(middle - length / 2, middle + length / 2)
        ax.xaxis.set_major_locator(MultipleLocator(step))
