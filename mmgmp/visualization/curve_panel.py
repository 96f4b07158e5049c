# Copyright (c) mmgmp authors.
import numpy as np
from matplotlib.axes import Axes

from .log_axis import set_log_ticks
from .pooled_curves import Pooled
from .style import LINES


def draw_curves(
    ax: Axes, pooled: Pooled, quantity: str, modality: str
) -> None:
    """Draw one quantity of all labels over the iterations.

    Several runs of a label are drawn as their mean on a band from the lowest
    to the highest run, whose edges have thin lines in the style of the label.
    A label without the quantity is only named in the legend. Lines pass over
    iterations without a value.

    Args:
        ax: Panel.
        pooled: Label -> quantity -> modality -> mean and range; at most as
            many labels as there are line styles.
        quantity: The one to draw.
        modality: The one to draw.
    """
    for (label, by_quantity), (dashes, color) in zip(pooled.items(), LINES):
        curve = by_quantity.get(quantity, {}).get(modality)
        steps, mean, low, high = np.array(curve or [()] * 4)
        seen = np.isfinite(mean)
        steps, mean, low, high = (x[seen] for x in (steps, mean, low, high))
        ax.plot(
            steps,
            mean,
            label=label,
            color=color,
            linestyle=dashes,
            linewidth=1.2,
            marker='.' if len(mean) == 1 else None,
        )
        if (low < high).any():
            ax.fill_between(steps, low, high, color=color, alpha=0.15, lw=0)
            for edge in (low, high):
                ax.plot(
                    steps, edge, color=color, linestyle=dashes, linewidth=0.4
                )
    ax.tick_params(length=2, width=0.6)


def set_log_axis(ax: Axes, most: int | None = None) -> None:
    """Logarithmic vertical axis with plain numbers as ticks.

    Args:
        ax: Panel, with its curves.
        most: Largest number of ticks. None is any.
    """
    ax.set_yscale('log')
    low, high = ax.get_ylim()
    if low <= 0:  # nothing is drawn
        low, high = 0.1, 10
    set_log_ticks(ax.yaxis, low, high, least=3, most=most)
    ax.set_ylim(low, high)
