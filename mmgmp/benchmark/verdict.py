# Copyright (c) mmgmp authors.
"""What the numbers of a comparison say, in plain words."""

import math

from .cells import escape_markdown, p_cell, percent, plural
from .comparison import Comparison, MethodResult
from .scores import SELECTIONS
from .statistics import smallest_p
from .table_notes import EXCHANGEABLE

LEVEL = 0.05

UNCORRECTED = (
    'Unlike the p-values, the intervals are not corrected for the number of '
    'methods.'
)


def direction(method: MethodResult) -> str | None:
    """Whether a method is shown to be better or worse than the baseline.

    It is where the Holm-adjusted p-value is at most 0.05 and the interval of
    the difference, if there is one, lies on one side of zero: the test is of
    signs and ranks over all pairs, and the sentence is about the mean. The
    p-value takes pairs as exchangeable, although those of one target share
    its test clips and those of one seed the initialization.

    Returns:
        'better', 'worse', or None where no difference is shown, which does
        not mean that there is none.
    """
    difference = method.difference
    if difference is None or method.p_holm > LEVEL:
        return None
    if difference.low <= 0 <= difference.high or difference.mean == 0:
        return None
    return 'better' if difference.mean > 0 else 'worse'


def method_verdict(comparison: Comparison, label: str) -> str:
    """One sentence on a method against the baseline.

    Args:
        comparison: Has a baseline.
        label: Of a method other than it.

    Returns:
        The effect in points with its interval, the number of pairs, the
        p-value, and what they show.

    Raises:
        ValueError: There is no baseline, or `label` is it or unknown.
    """
    baseline = comparison.baseline
    if (
        baseline is None
        or label == baseline
        or label not in comparison.methods
    ):
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
    if method.difference is None:
        return (
            f'{label} is not compared, because the baseline {baseline} is '
            'incomplete.'
        )
    shown = direction(method)
    said = f'no difference from {baseline} shown'
    if shown:
        said = f'{shown} than {baseline}'
    difference = method.difference
    interval = (
        f'95 % interval {percent(difference.low)} to '
        f'{percent(difference.high)}'
    )
    if math.isnan(difference.low):
        interval = 'no interval from one seed'
    elif not shown and method.p_holm <= LEVEL:
        interval += ', which includes 0'
    return (
        f'{label}: {said}, {percent(difference.mean, signed=True)} points '
        f'({interval}), {plural(difference.count, "pair")}, Holm-adjusted '
        f'p: {p_cell(method.p_holm)}.'
    )


def summary_verdict(comparison: Comparison) -> str:
    """What the comparison shows as a whole.

    It names the selection of epochs, methods that are shown to differ, those
    that are left out, and whether there are too few pairs to show anything.
    """
    c = comparison
    lead = f'{SELECTIONS[c.selection].capitalize()}.'
    if c.baseline is None:
        return f'{lead} No baseline is named, so that nothing is compared.'
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


def markdown_verdict(comparison: Comparison) -> str:
    """Summary, a sentence for each method and what the p-values assume."""
    c = comparison
    lines = [escape_markdown(summary_verdict(c)), '']
    others = [label for label in c.methods if label != c.baseline]
    if c.baseline is not None and others:
        sentences = [method_verdict(c, label) for label in others]
        lines += [f'- {escape_markdown(text)}' for text in sentences]
        lines.append('')
    if c.compared:
        lines += [f'{UNCORRECTED} {EXCHANGEABLE}', '']
    return '\n'.join(lines)


def _findings(comparison: Comparison) -> str:
    """Which methods are shown to be better or worse."""
    c = comparison
    shown = {'better': [], 'worse': []}
    for method in c.compared:
        if found := direction(method):
            shown[found].append(method.label)
    total = len(c.compared)
    differing = sum(map(len, shown.values()))
    if not differing:
        subject = f'None of the {total} methods is'
        if total == 1:
            subject = f'{c.compared[0].label} is not'
        return (
            f'{subject} shown to differ from {c.baseline} beyond the noise '
            'of the seeds.'
        )
    # Labels of a sweep have commas in them.
    sentences = [
        f'{word.capitalize()} than {c.baseline}: {"; ".join(labels)}.'
        for word, labels in shown.items()
        if labels
    ]
    if differing < total:
        sentences.append(
            f'No difference is shown for {total - differing} of the {total} '
            'methods.'
        )
    return ' '.join(sentences)


def _too_few_pairs(comparison: Comparison) -> str:
    """That no result of the plan could have been significant, if so."""
    pairs, comparisons = comparison.pairs, len(comparison.compared)
    least = smallest_p(pairs, comparisons)
    if least <= LEVEL:
        return ''
    return (
        ' The plan could not have shown a difference: '
        f'{plural(pairs, "pair")} and {plural(comparisons, "comparison")} '
        f'give an adjusted p of {p_cell(least)} at best, above {LEVEL}.'
    )
