# Copyright (c) mmgmp authors.
"""Format numbers and comparisons as text. Accuracies are in percent."""

import math
import re

from .comparison import Comparison, MethodResult
from .selection import SELECTIONS
from .statistics import Difference, Estimate, smallest_p

LEFT_OUT = '-'
# Significance level of the adjusted p-values.
LEVEL = 0.05

UNCORRECTED = (
    'Unlike the p-values, the intervals are not corrected for the number of '
    'methods.'
)
EXCHANGEABLE = (
    'Pairs with the same target share test clips, and pairs with the same '
    'seed share the initialization; the signed-rank test treats all pairs as '
    'exchangeable.'
)

# Special characters of GitHub's Markdown, in the order of the alternatives: at
# the start of a text, anywhere, in a tag, in an entity, in a link, and `_`
# unless it is within a word.
MARKDOWN_SPECIAL = re.compile(
    r'^[#+\-\[]|[\\`*|~$]|<(?=[a-zA-Z/!?])|&(?=[\w#])|\](?=\()'
    r'|(?<![^\W_])_|_(?![^\W_])'
)


def percent(fraction: float, signed: bool = False) -> str:
    """Format a fraction as percent with one decimal.

    Args:
        fraction: The number.
        signed: Whether a positive number has a plus sign. Zero has no sign.

    Example:
        >>> percent(0.512), percent(0.008, signed=True), percent(-0.0001)
        ('51.2', '+0.8', '0.0')
    """
    number = round(100 * fraction, 1) + 0.0
    return f'{number:+.1f}' if signed and number else f'{number:.1f}'


def estimate_cell(estimate: Estimate | None, interval: bool = False) -> str:
    """Format as ``51.2 ± 1.0``, with ``[49.9, 52.5]`` if `interval` is set.

    A single measurement has neither deviation nor interval; None gives ``-``.
    """
    if estimate is None:
        return LEFT_OUT
    if estimate.n == 1:
        return percent(estimate.mean)
    text = f'{percent(estimate.mean)} ± {percent(estimate.std)}'
    return f'{text} {_brackets(estimate)}' if interval else text


def difference_cell(difference: Difference | None) -> str:
    """Format as ``+0.8 [-0.3, 1.9]``, without brackets for one seed."""
    if difference is None:
        return LEFT_OUT
    text = percent(difference.mean, signed=True)
    if math.isnan(difference.low):
        return text
    return f'{text} {_brackets(difference)}'


def p_cell(p_value: float | None) -> str:
    """Format a p-value with three decimals, or as ``<0.001``."""
    if p_value is None:
        return LEFT_OUT
    return '<0.001' if p_value < 0.001 else f'{p_value:.3f}'


def plural(count: int, noun: str) -> str:
    """Format a count, as in ``1 seed`` or ``5 seeds``."""
    return f'{count} {noun}{"s" * (count != 1)}'


def escape_markdown(text: str) -> str:
    """Escape text so that GitHub's Markdown shows it unchanged."""
    return MARKDOWN_SPECIAL.sub(r'\\\g<0>', text)


def direction(method: MethodResult) -> str | None:
    """Find the direction of a significant difference from the baseline.

    A difference is significant if its Holm-adjusted p-value is at most 0.05
    and its interval, if there is one, excludes zero: the test uses signs and
    ranks of all pairs, but the summary states the mean. The test treats pairs
    as exchangeable, although pairs of the same target share test clips and
    pairs of the same seed share the initialization.

    Returns:
        'better', 'worse', or None without a significant difference, which
        does not mean that the methods are equal.
    """
    difference, p_value = method.difference, method.p_holm
    if difference is None or p_value is None or p_value > LEVEL:
        return None
    if difference.low <= 0 <= difference.high or difference.mean == 0:
        return None
    return 'better' if difference.mean > 0 else 'worse'


def method_summary(comparison: Comparison, label: str) -> str:
    """Describe in one sentence how a method compares with the baseline.

    Args:
        comparison: A comparison with a baseline.
        label: A method other than the baseline.

    Returns:
        The result of the test, the difference in points with its interval,
        the number of pairs and the p-value.

    Raises:
        ValueError: There is no baseline, or `label` is unknown or the
            baseline.
    """
    baseline = comparison.baseline
    if baseline in (None, label) or label not in comparison.methods:
        raise ValueError(
            f'`label` must be a method other than the baseline {baseline!r}, '
            f'of {[*comparison.methods]}, got {label!r}'
        )
    method = comparison.methods[label]
    if not method.complete:
        return (
            f'{label} is incomplete ({method.finished} of {method.expected} '
            f'runs) and is not compared with {baseline}.'
        )
    difference = method.difference
    if difference is None:
        return (
            f'{label} is not compared, because the baseline {baseline} is '
            'incomplete.'
        )
    shown = direction(method)
    said = f'no significant difference from {baseline}'
    if shown:
        said = f'{shown} than {baseline}'
    interval = (
        f'95 % interval {percent(difference.low)} to '
        f'{percent(difference.high)}'
    )
    if math.isnan(difference.low):
        interval = 'no interval from one seed'
    elif not shown and method.p_holm is not None and method.p_holm <= LEVEL:
        interval += ', which includes 0'
    return (
        f'{label}: {said}, {percent(difference.mean, signed=True)} points '
        f'({interval}), {plural(difference.n, "pair")}, Holm-adjusted '
        f'p: {p_cell(method.p_holm)}.'
    )


def summary(comparison: Comparison) -> str:
    """Describe the result of the comparison as a whole.

    The summary names the selection rule, the methods that differ significantly
    and those that are left out. It also states if there are too few pairs for
    any significant difference.
    """
    c = comparison
    lead = f'{SELECTIONS[c.selection].capitalize()}.'
    if c.baseline is None:
        return f'{lead} The plan names no baseline, so nothing is compared.'
    if not c.methods[c.baseline].complete:
        return (
            f'{lead} Nothing is compared, because the baseline {c.baseline} '
            'is incomplete.'
        )
    incomplete = [m.label for m in c.methods.values() if not m.complete]
    left_out = ''
    if incomplete:
        left_out = f' Incomplete and not compared: {"; ".join(incomplete)}.'
    if not c.compared:
        return f'{lead} There is no complete method to compare.{left_out}'
    return f'{lead} {_findings(c)}{left_out}{_too_few_pairs(c)}'


def markdown_summary(comparison: Comparison) -> str:
    """Write the summary, a sentence per method, and notes on the p-values."""
    c = comparison
    lines = [escape_markdown(summary(c)), '']
    others = [label for label in c.methods if label != c.baseline]
    if c.baseline is not None and others:
        sentences = [method_summary(c, label) for label in others]
        lines += [f'- {escape_markdown(text)}' for text in sentences]
        lines.append('')
    if c.compared:
        lines += [f'{UNCORRECTED} {EXCHANGEABLE}', '']
    return '\n'.join(lines)


def _brackets(interval: Estimate | Difference) -> str:
    return f'[{percent(interval.low)}, {percent(interval.high)}]'


def _findings(comparison: Comparison) -> str:
    """Name the methods that are significantly better or worse."""
    c = comparison
    # Labels of a sweep contain commas.
    sentences = []
    differing = 0
    for word in ('better', 'worse'):
        labels = [m.label for m in c.compared if direction(m) == word]
        differing += len(labels)
        if labels:
            names = '; '.join(labels)
            sentences.append(
                f'{word.capitalize()} than {c.baseline}: {names}.'
            )
    total = len(c.compared)
    if not differing:
        methods = f'any of the {total} methods'
        if total == 1:
            methods = c.compared[0].label
        return (
            f'We found no significant difference between {methods} and '
            f'{c.baseline}.'
        )
    if differing < total:
        sentences.append(
            f'We found no significant difference for {total - differing} of '
            f'the {total} methods.'
        )
    return ' '.join(sentences)


def _too_few_pairs(comparison: Comparison) -> str:
    """Warn about a plan that cannot show a significant difference."""
    pairs, comparisons = comparison.pairs, len(comparison.compared)
    least = smallest_p(pairs, comparisons)
    if least <= LEVEL:
        return ''
    return (
        f' With {plural(pairs, "pair")} and '
        f'{plural(comparisons, "comparison")}, the smallest possible adjusted '
        f'p is {p_cell(least)}, so no difference could be significant at '
        f'{LEVEL}.'
    )
