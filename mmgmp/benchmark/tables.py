# Copyright (c) mmgmp authors.
"""Format a comparison as a table in Markdown, LaTeX and CSV."""

import csv
import math
import re
from collections.abc import Sequence
from io import StringIO

from tabulate import LATEX_ESCAPE_RULES, tabulate

from mmgmp.utils.csv_cells import guard_row

from .comparison import Comparison, MethodResult
from .selection import SELECTIONS
from .text import (
    EXCHANGEABLE,
    LEFT_OUT,
    difference_cell,
    escape_markdown,
    estimate_cell,
    p_cell,
    percent,
    plural,
)


def markdown_table(comparison: Comparison, title: str = '') -> str:
    """Format a comparison in GitHub's Markdown, aligned as plain text.

    Args:
        comparison: What to show.
        title: Title of the benchmark, which begins the caption.

    Returns:
        Caption, table, notes, and the runs that failed or are missing.
    """
    lines = [f'- {escape_markdown(line)}' for line in notes(comparison)]
    heading = f'**{escape_markdown(caption(comparison, title))}**'
    table = pipe_table(_header(comparison), _rows(comparison))
    return '\n'.join([heading, '', table, '', *lines, ''])


def pipe_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a table in GitHub's Markdown; the first column names the rows."""
    return tabulate(
        [[escape_markdown(row[0]), *row[1:]] for row in rows],
        headers=[escape_markdown(name) for name in header],
        tablefmt='pipe',
        disable_numparse=True,
        colalign=_alignment(header),
    )


def latex_table(comparison: Comparison, title: str = '') -> str:
    """Format a comparison as a LaTeX ``table`` with the package booktabs.

    Args:
        comparison: What to show.
        title: Title of the benchmark, which begins the caption.

    Returns:
        The environment: caption, table, and below it in small print the
        notes and the runs that failed or are missing.
    """
    header = _header(comparison)
    table = tabulate(
        _rows(comparison),
        headers=header,
        tablefmt='latex_booktabs',
        disable_numparse=True,
        colalign=_alignment(header),
    )
    # After `\\`, LaTeX would read `[` or `*` as an argument of the line break.
    table = re.sub(r'(?m)^(\s*)([\[*])', r'\1{\2}', table)
    return '\n'.join(
        [
            '% needs \\usepackage{booktabs}',
            '\\begin{table}',
            '\\centering',
            f'\\caption{{{_escape_latex(caption(comparison, title))}}}',
            _latex_signs(table),
            '\\par\\smallskip\\raggedright\\footnotesize',
            *[f'{_escape_latex(line)}\\par' for line in notes(comparison)],
            '\\end{table}',
            '',
        ]
    )


def csv_table(comparison: Comparison) -> str:
    """Format a comparison as CSV, with unrounded fractions.

    Cells without a value are empty, and text that a spreadsheet would run as a
    formula is quoted. ``<target>/mean``, ``std``, ``low``,
    ``high`` and ``count`` describe the seeds that finished, and
    ``targets/...`` the mean over the targets.

    Args:
        comparison: What to write.

    Returns:
        The text of the file.
    """
    text = StringIO()
    rows = [_csv_row(comparison, m) for m in comparison.methods.values()]
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(guard_row(rows[0]))
    writer.writerows(guard_row(row.values()) for row in rows)
    return text.getvalue()


def caption(comparison: Comparison, title: str) -> str:
    """Write the caption: what the table shows and how epochs were selected."""
    what = f'{title}: accuracy' if title else 'Accuracy'
    selection = SELECTIONS[comparison.selection]
    return f'{what} on the target in percent, {selection}.'


def notes(comparison: Comparison) -> list[str]:
    """Explain the columns, and list the runs that failed or are missing."""
    c = comparison
    targets = plural(len(c.targets), 'target')
    seeds, runs = plural(len(c.seeds), 'seed'), f'{c.pairs} runs'
    if len(c.seeds) > 1:
        interval = (
            ', with its 95 % interval in brackets (percentile bootstrap over '
            'the seeds within each target; too narrow for few seeds, and not '
            'corrected for the number of methods)'
        )
        lines = [
            f'Cells: mean ± standard deviation over {seeds}. Mean: over '
            f'{targets} for each seed, then over the seeds, with its 95 % '
            'Student t interval in brackets.'
        ]
    else:
        interval = ''
        lines = [
            'Cells: one seed, so no standard deviation and no interval. '
            'Mean: over '
            f'{targets}.'
        ]
    if c.compared:
        lines += [
            f'Difference from {c.baseline}: in percentage points, over '
            f'{plural(c.pairs, "pair")} with the same target and seed'
            f'{interval}.',
            'p: two-sided Wilcoxon signed-rank test over the pairs, '
            f'Holm-adjusted for {plural(len(c.compared), "comparison")}. '
            f'{EXCHANGEABLE}',
        ]
    if any(m.complete for m in c.methods.values()):
        lines.append(
            'Rank: 1 is best; mean over targets and seeds, among the complete '
            'methods.'
        )
    if c.chance is not None:
        lines.append(f'Chance: {percent(c.chance)} %.')
    for method in c.methods.values():
        if not method.complete:
            lines.append(
                f'{method.label} is incomplete ({method.finished} of {runs}): '
                'its cells show their number of runs, and it has no mean, '
                f'difference, p or rank ({LEFT_OUT}).'
            )
    if c.baseline is not None and not c.methods[c.baseline].complete:
        lines.append(
            f'No differences: the baseline {c.baseline} is incomplete.'
        )
    for method in c.methods.values():
        lines += _incomplete_runs(method)
    return lines


def _incomplete_runs(method: MethodResult) -> list[str]:
    """List the failed runs of a method with their reasons, and the missing."""
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


def _header(comparison: Comparison) -> list[str]:
    compared = [f'Difference from {comparison.baseline}', 'p (Holm)']
    return [
        'Method',
        *comparison.targets,
        'Mean',
        *(compared if comparison.baseline is not None else []),
        'Rank',
    ]


def _alignment(header: Sequence[str]) -> list[str]:
    return ['left'] + ['right'] * (len(header) - 1)


def _rows(comparison: Comparison) -> list[list[str]]:
    """Format the cells as plain text, one row per method."""
    rows = []
    for method in comparison.methods.values():
        row = [method.label]
        for estimate in method.targets.values():
            cell = estimate_cell(estimate)
            if not method.complete:
                count = estimate.n if estimate else 0
                cell += f' ({count}/{len(comparison.seeds)})'
            row.append(cell)
        row.append(estimate_cell(method.mean, interval=True))
        if method.label == comparison.baseline:
            row += ['baseline', LEFT_OUT]
        elif comparison.baseline is not None:
            row += [difference_cell(method.difference), p_cell(method.p_holm)]
        row.append(LEFT_OUT if method.rank is None else f'{method.rank:.1f}')
        rows.append(row)
    return rows


def _csv_row(comparison: Comparison, method: MethodResult) -> dict:
    row: dict[str, object] = dict(
        method=method.label,
        baseline=comparison.baseline,
        selection=SELECTIONS[comparison.selection],
        finished=method.finished,
        expected=method.expected,
        failed=len(method.failures),
        missing=len(method.missing),
    )
    estimates = {**method.targets, 'targets': method.mean}
    for name, estimate in estimates.items():
        for field in ('mean', 'std', 'low', 'high'):
            row[f'{name}/{field}'] = getattr(estimate, field, None)
        row[f'{name}/count'] = getattr(estimate, 'n', None)
    difference = method.difference
    row['difference'] = getattr(difference, 'mean', None)
    row['difference/low'] = getattr(difference, 'low', None)
    row['difference/high'] = getattr(difference, 'high', None)
    row['pairs'] = getattr(difference, 'n', None)
    row['p_value'] = getattr(difference, 'p_value', None)
    row.update(p_holm=method.p_holm, rank=method.rank)
    row['lacking'] = '; '.join(_incomplete_runs(method))
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in row.items()
    }


def _escape_latex(text: str) -> str:
    return _latex_signs(text.translate(str.maketrans(LATEX_ESCAPE_RULES)))


def _latex_signs(text: str) -> str:
    """Write the plus-minus and minus signs of numbers in math mode."""
    text = text.replace('±', r'$\pm$')
    return re.sub(r'(?<!\w)-(?=\d)', '$-$', text)
