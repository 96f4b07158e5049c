# Copyright (c) mmgmp authors.
"""Caption and notes of a table, as plain text."""

from .cells import LEFT_OUT, percent, plural
from .comparison import Comparison, MethodResult
from .scores import SELECTIONS

EXCHANGEABLE = (
    'Pairs of one target share its test clips and pairs of one seed the '
    'initialization; the signed-rank test treats them as exchangeable.'
)


def caption(comparison: Comparison, title: str) -> str:
    """Caption of a table: what it shows and how epochs were selected."""
    what = f'{title}: accuracy' if title else 'Accuracy'
    selection = SELECTIONS[comparison.selection]
    return f'{what} on the target in percent, {selection}.'


def notes(comparison: Comparison) -> list[str]:
    """What the signs in a table mean, and what it leaves out."""
    c = comparison
    targets = plural(len(c.targets), 'target')
    seeds, runs = plural(len(c.seeds), 'seed'), f'{c.pairs} runs'
    if len(c.seeds) > 1:
        lines = [
            f'Cells: mean ± standard deviation over {seeds}. Mean: over '
            f'{targets} for each seed, then over seeds, with its 95 % '
            'Student t interval in brackets.'
        ]
    else:
        lines = [
            f'Cells: one seed, so no spread and no interval. Mean: over '
            f'{targets}.'
        ]
    if c.compared:
        lines += _difference_notes(c)
    if any(m.complete for m in c.methods.values()):
        lines.append(
            'Rank: 1 is best, averaged over target and seed among the '
            'complete methods.'
        )
    if c.chance is not None:
        lines.append(f'Chance: {percent(c.chance)} %.')
    for method in c.methods.values():
        if not method.complete:
            lines.append(
                f'{method.label} is incomplete, {method.finished} of {runs}: '
                'its cells say of how many runs they are, and what compares '
                f'methods is left out ({LEFT_OUT}).'
            )
    if c.baseline is not None and not c.methods[c.baseline].complete:
        lines.append(
            f'No differences: the baseline {c.baseline} is incomplete.'
        )
    return lines


def lacking_runs(method: MethodResult) -> list[str]:
    """The failed runs of a method with their reasons, and the missing."""
    lines = [
        f'Failed: {method.label}, target {f.target}, seed {f.seed}: '
        f'{" ".join(f.reason.split())}'
        for f in method.failures
    ]
    for target in dict.fromkeys(target for target, _ in method.missing):
        seeds = [str(s) for t, s in method.missing if t == target]
        lines.append(
            f'Missing: {method.label}, target {target}, '
            f'seed{"s" * (len(seeds) > 1)} {", ".join(seeds)}'
        )
    return lines


def _difference_notes(comparison: Comparison) -> list[str]:
    """What the columns of difference and p-value mean."""
    c = comparison
    interval = (
        ', with its 95 % interval in brackets (bootstrap of the seeds within '
        'each target, percentile; too narrow for few seeds, and not '
        'corrected for the number of methods)'
    )
    return [
        f'Difference to {c.baseline}: in points, over '
        f'{plural(c.pairs, "pair")} of equal target and seed'
        f'{interval if len(c.seeds) > 1 else ""}.',
        'p: two-sided Wilcoxon signed-rank test over the pairs, Holm-adjusted '
        f'for {plural(len(c.compared), "comparison")}. {EXCHANGEABLE}',
    ]
