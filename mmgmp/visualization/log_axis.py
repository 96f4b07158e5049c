# Copyright (c) mmgmp authors.
import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import MaxNLocator, NullLocator, StrMethodFormatter


def set_log_ticks(
    axis: Axis, low: float, high: float, least: int, most: int | None = None
) -> None:
    """Give a logarithmic axis plain round numbers as its only ticks.

    Args:
        axis: One of a panel's two axes.
        low: Lower end of the axis, positive.
        high: Upper end.
        least: Number of ticks to have, if the range has so many round
            numbers.
        most: Largest number of ticks. None is any.
    """
    ticks = log_ticks(low, high, least)
    if most is not None:
        ticks = ticks[:: -(-len(ticks) // most)]
    axis.set_ticks(ticks)
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(StrMethodFormatter('{x:g}'))


def log_ticks(low: float, high: float, least: int) -> list[float]:
    """Round numbers in a positive range, at least so many if it has them."""
    exponents = range(int(np.log10(low)) - 1, int(np.log10(high)) + 2)
    for digits in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        ticks = [digit * 10.0**e for e in exponents for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) >= least:
            return ticks
    return [t for t in MaxNLocator(4).tick_values(low, high) if t > 0]
