# Copyright (c) mmgmp authors.
"""A comparison as a table in Markdown, LaTeX and CSV."""

import csv
import math
import re
from io import StringIO

from tabulate import LATEX_ESCAPE_RULES, tabulate

from .cells import (
    LEFT_OUT,
    difference_cell,
    escape_markdown,
    estimate_cell,
    p_cell,
)
from .comparison import Comparison, MethodResult
from .scores import SELECTIONS
from .table_notes import caption, lacking_runs, notes


def markdown_table(comparison: Comparison, title: str = '') -> str:
    """A table in GitHub's Markdown that is aligned as plain text as well.

    Args:
        comparison: What to show.
        title: Of the benchmark, in front of the caption.

    Returns:
        Caption, table, notes, and the runs that failed or are missing.
    """
    table = tabulate(
        _escaped_rows(comparison),
        headers=[escape_markdown(name) for name in _header(comparison)],
        tablefmt='pipe',
        disable_numparse=True,
        colalign=_alignment(comparison),
    )
    lines = [
        f'- {escape_markdown(line)}'
        for line in notes(comparison) + _all_lacking_runs(comparison)
    ]
    heading = f'**{escape_markdown(caption(comparison, title))}**'
    return '\n'.join([heading, '', table, '', *lines, ''])


def latex_table(comparison: Comparison, title: str = '') -> str:
    """A ``table`` for LaTeX with the package booktabs.

    Args:
        comparison: What to show.
        title: Of the benchmark, in front of the caption.

    Returns:
        The environment: caption, table, and below it in small print the
        notes and the runs that failed or are missing.
    """
    table = tabulate(
        _rows(comparison),
        headers=_header(comparison),
        tablefmt='latex_booktabs',
        disable_numparse=True,
        colalign=_alignment(comparison),
    )
    # After the `\\` of the row before, these would belong to it.
    table = re.sub(r'(?m)^(\s*)([\[*])', r'\1{\2}', table)
    below = notes(comparison) + _all_lacking_runs(comparison)
    return '\n'.join(
        [
            '% needs \\usepackage{booktabs}',
            '\\begin{table}',
            '\\centering',
            f'\\caption{{{_escape_latex(caption(comparison, title))}}}',
            _latex_signs(table),
            '\\par\\smallskip\\raggedright\\footnotesize',
            *[f'{_escape_latex(line)}\\par' for line in below],
            '\\end{table}',
            '',
        ]
    )


def csv_table(comparison: Comparison) -> str:
    """One row per method for programs: fractions, with all their digits.

    What a method lacks is empty. ``<target>/mean``, ``std``, ``low``,
    ``high`` and ``count`` are over the seeds that finished, and
    ``targets/...`` are of the mean over targets.

    Args:
        comparison: What to write.

    Returns:
        The text of the file.
    """
    text = StringIO()
    rows = [_csv_row(comparison, m) for m in comparison.methods.values()]
    writer = csv.DictWriter(text, list(rows[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _header(comparison: Comparison) -> list[str]:
    compared = [f'Difference to {comparison.baseline}', 'p (Holm)']
    return [
        'Method',
        *comparison.targets,
        'Mean',
        *(compared if comparison.baseline is not None else []),
        'Rank',
    ]


def _alignment(comparison: Comparison) -> list[str]:
    return ['left'] + ['right'] * (len(_header(comparison)) - 1)


def _rows(comparison: Comparison) -> list[list[str]]:
    """Cells of the table as plain text, a row per method."""
    rows = []
    for method in comparison.methods.values():
        row = [method.label]
        for estimate in method.targets.values():
            cell = estimate_cell(estimate)
            if not method.complete:
                count = estimate.count if estimate else 0
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


def _escaped_rows(comparison: Comparison) -> list[list[str]]:
    return [[escape_markdown(row[0]), *row[1:]] for row in _rows(comparison)]


def _all_lacking_runs(comparison: Comparison) -> list[str]:
    return [
        line
        for method in comparison.methods.values()
        for line in lacking_runs(method)
    ]


def _csv_row(comparison: Comparison, method: MethodResult) -> dict:
    row = dict(
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
        for field in ('mean', 'std', 'low', 'high', 'count'):
            row[f'{name}/{field}'] = getattr(estimate, field, None)
    difference = method.difference
    row['difference'] = getattr(difference, 'mean', None)
    row['difference/low'] = getattr(difference, 'low', None)
    row['difference/high'] = getattr(difference, 'high', None)
    row['pairs'] = getattr(difference, 'count', None)
    row['p_value'] = getattr(difference, 'p_value', None)
    row.update(p_holm=method.p_holm, rank=method.rank)
    row['lacking'] = '; '.join(lacking_runs(method))
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in row.items()
    }


def _escape_latex(text: str) -> str:
    return _latex_signs(text.translate(str.maketrans(LATEX_ESCAPE_RULES)))


def _latex_signs(text: str) -> str:
    """Plus-minus and minus signs of numbers as mathematics."""
    text = text.replace('±', r'$\pm$')
    return re.sub(r'(?<!\w)-(?=\d)', '$-$', text)
