# Copyright (c) mmgmp authors.
"""Readability of figures."""

from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text


def assert_readable(figure: Figure) -> None:
    """All text is inside the figure, separate and of a readable size."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    boxes = {t: t.get_window_extent(renderer) for t in _texts(figure)}
    width, height = figure.bbox.size
    for text, box in boxes.items():
        name = text.get_text()
        assert text.get_fontsize() >= 8, name
        assert box.x0 >= 0 and box.x1 <= width, f'{name!r} is cut off'
        assert box.y0 >= 0 and box.y1 <= height, f'{name!r} is cut off'
    for (one, box), (other, other_box) in combinations(boxes.items(), 2):
        overlap = (
            min(box.x1, other_box.x1) - max(box.x0, other_box.x0),
            min(box.y1, other_box.y1) - max(box.y0, other_box.y0),
        )
        # Boxes are those of the lines, and a little higher than the letters.
        assert min(overlap) <= 0.02 * figure.dpi, (
            f'{one.get_text()!r} and {other.get_text()!r} overlap'
        )


def _texts(figure: Figure) -> list[Text]:
    """All text that is drawn."""
    hidden = set()
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            hidden |= {
                label
                for tick in axis.get_major_ticks()
                for label in (tick.label1, tick.label2)
                if not low <= tick.get_loc() <= high
            }
    return [
        text
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip()
        if text not in hidden
    ]


def legend_texts(figure: Figure) -> list[str]:
    """Labels of the legends."""
    return [
        text.get_text()
        for legend in figure.legends
        for text in legend.get_texts()
    ]
