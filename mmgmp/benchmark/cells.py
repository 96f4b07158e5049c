# Copyright (c) mmgmp authors.
"""Scores in print: in percent, their differences in points."""

import math
import re

from .statistics import Difference, Estimate

LEFT_OUT = '-'

# What GitHub's Markdown would take as markup: at the start, anywhere, in
# front of a tag, an entity or a link, and `_` unless it is within a word.
MARKDOWN_SPECIAL = re.compile(
    r'^[#+\-\[]|[\\`*|~$]|<(?=[a-zA-Z/!?])|&(?=[\w#])|\](?=\()'
    r'|(?<![^\W_])_|_(?![^\W_])'
)


def percent(fraction: float, signed: bool = False) -> str:
    """A fraction times 100 with one decimal.

    Args:
        fraction: The number.
        signed: Whether a number above zero in print has a plus.

    Returns:
        The text; zero never has a sign.
    """
    number = round(100 * fraction, 1) + 0.0
    return f'{number:+.1f}' if signed and number else f'{number:.1f}'


def estimate_cell(estimate: Estimate | None, interval: bool = False) -> str:
    """``51.2 ± 1.0``, with ``[49.9, 52.5]`` if asked for.

    One measurement has neither. None is ``-``.
    """
    if estimate is None:
        return LEFT_OUT
    if estimate.count == 1:
        return percent(estimate.mean)
    text = f'{percent(estimate.mean)} ± {percent(estimate.std)}'
    return f'{text} {_brackets(estimate)}' if interval else text


def difference_cell(difference: Difference | None) -> str:
    """``+0.8 [-0.3, 1.9]``, without brackets if there is no interval."""
    if difference is None:
        return LEFT_OUT
    text = percent(difference.mean, signed=True)
    if math.isnan(difference.low):
        return text
    return f'{text} {_brackets(difference)}'


def p_cell(p_value: float | None) -> str:
    """A p-value with three decimals, or that it is below 0.001."""
    if p_value is None:
        return LEFT_OUT
    return '<0.001' if p_value < 0.001 else f'{p_value:.3f}'


def plural(count: int, noun: str) -> str:
    """``1 seed``, ``5 seeds``."""
    return f'{count} {noun}{"s" * (count != 1)}'


def escape_markdown(text: str) -> str:
    """Text that GitHub's Markdown shows as it is."""
    return MARKDOWN_SPECIAL.sub(r'\\\g<0>', text)


def _brackets(interval: Estimate | Difference) -> str:
    return f'[{percent(interval.low)}, {percent(interval.high)}]'
