# Copyright (c) mmgmp authors.
"""Accuracies with intervals, as several figures draw them."""

import math
from collections.abc import Callable, Sequence

from matplotlib.typing import LineStyleType

MARKER_ROOM = 2  # percentage points beyond the scale, for a marker at its end
CHANCE_DASHES: LineStyleType = (0, (6, 1.2, 1, 1.2))

# Mean of an accuracy and the ends of its interval, as fractions. Both ends
# are NaN for a single run, which has no interval.
MeanInterval = tuple[float, float, float]


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


def clip_interval(estimate: Sequence[float]) -> MeanInterval:
    """Clip an interval to [0, 1], where accuracies are.

    Args:
        estimate: Mean, low and high; NaN stays NaN.

    Example:
        >>> clip_interval((0.9, 0.7, 1.1))
        (0.9, 0.7, 1.0)
    """
    mean, low, high = estimate
    # With NaN as the first argument, max and min return it.
    return mean, max(low, 0.0), min(high, 1.0)


def draw_level(
    draw: Callable, accuracy: float, label: str, dashes: LineStyleType
) -> None:
    """Draw a line through a panel.

    Args:
        draw: ``axhline`` or ``axvline`` of the panel.
        accuracy: Where, as a fraction.
        label: Label in the legend.
        dashes: Style of the line.
    """
    draw(
        100 * accuracy,
        label=label,
        color='0.25',
        linestyle=dashes,
        linewidth=0.9,
        zorder=1,
    )
