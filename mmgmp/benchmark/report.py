# Copyright (c) mmgmp authors.
"""Tables, figures and verdict of a plan, as files and as a page."""

import math
from datetime import timedelta
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from mmgmp.evaluation import MAIN_METRIC
from mmgmp.visualization import plot_accuracies, plot_sensitivity

from .cells import escape_markdown, percent
from .collect import (
    compare_plan,
    default_values,
    rows_of,
    sensitivity_curves,
)
from .comparison import Comparison
from .plan import Plan
from .scores import SELECTIONS
from .selection_table import recorded_selections, selection_table
from .tables import csv_table, latex_table, markdown_table
from .verdict import markdown_verdict

# Heading -> column, of what is shown besides the accuracy that is compared.
FURTHER = {
    'target, mean of classes': 'target/acc/all/fused/mean1',
    'target, video': 'target/acc/all/video/top1',
    'target, audio': 'target/acc/all/audio/top1',
    'sources': f'source/{MAIN_METRIC}',
    'sources, worst': 'source/acc/worst/fused/top1',
}


def write_tables(plan: Plan, frame: pd.DataFrame, folder: Path) -> None:
    """Write the tables of each rule of selection, and the figures.

    Args:
        plan: The plan.
        frame: Rows of :meth:`ResultsStore.read`.
        folder: Where ``<rule>.md``, ``.csv`` and ``.tex`` and the figures
            ``accuracy.png`` and, of a plan with sweeps, ``sensitivity.png``
            go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Of a plan that has not begun, all tables say that its runs are missing.
    for selection in recorded_selections(frame) or SELECTIONS:
        comparison = compare_plan(plan, frame, selection)
        for suffix, write in (
            ('md', markdown_table),
            ('csv', csv_table),
            ('tex', latex_table),
        ):
            text = write(comparison, *([plan.title] * (suffix != 'csv')))
            path = folder / f'{selection}.{suffix}'
            path.write_text(text, encoding='utf-8')
    write_figures(plan, frame, folder, '')


def write_figures(
    plan: Plan, frame: pd.DataFrame, folder: Path, prefix: str
) -> list[Path]:
    """Draw the accuracies, and the sensitivity if settings are swept.

    Args:
        plan: The plan.
        frame: Rows of :meth:`ResultsStore.read`.
        folder: Where they go.
        prefix: Before the names of the files.

    Returns:
        The files; none if no run has finished.
    """
    comparison = compare_plan(plan, frame, 'source')
    methods = comparison.methods
    if not any(method.finished for method in methods.values()):
        return []
    swept = [m for m in plan.methods.values() if m.varied is not None]
    if swept:
        out = folder / f'{prefix}sensitivity.png'
        baseline = methods[plan.baseline].mean if plan.baseline else None
        plot_sensitivity(
            sensitivity_curves(plan, comparison),
            out,
            baseline=baseline and (baseline.mean, baseline.low, baseline.high),
            baseline_name=plan.baseline or '',
            defaults=default_values(plan),
        )
        return [out]
    out = folder / f'{prefix}accuracy.png'
    # Chance would stretch the axes so far that the intervals vanish.
    plot_accuracies(
        {label: _estimates(comparison, label) for label in methods},
        out,
        baseline=plan.baseline,
        incomplete={
            label: (method.finished, method.expected)
            for label, method in methods.items()
            if not method.complete
        },
    )
    return [out]


def page_section(
    plan: Plan, source: str, frame: pd.DataFrame, folder: Path, link: str
) -> str:
    """The part of the results page on one plan.

    Args:
        plan: The plan.
        source: Its file, for the command.
        frame: Rows of :meth:`ResultsStore.read`.
        folder: Where figures go.
        link: That folder as the page links to it.

    Returns:
        Markdown: command, time, verdict, tables by each rule of selection,
        and figures.
    """
    command = f'python tools/benchmark.py {source}'
    lines = [f'## {plan.title}', '', '```shell', command, '```', '']
    if plan.note:
        lines += [plan.note, '']
    rows = rows_of(plan, frame, 'source')
    finished = [r for r in rows.values() if r and r['state'] == 'finished']
    if not finished:
        lines += [f'None of the {len(rows)} runs has been made.', '']
        return '\n'.join(lines)
    lines += [_cost(finished, len(rows)), '', '### Verdict', '']
    comparison = compare_plan(plan, frame, 'source')
    lines += [markdown_verdict(comparison), '### Tables', '']
    lines += [markdown_table(comparison), further_table(plan, frame)]
    for selection in ('last', 'oracle'):
        comparison = compare_plan(plan, frame, selection)
        lines += ['<details>', f'<summary>{SELECTIONS[selection]}</summary>']
        lines += ['', markdown_table(comparison), '</details>', '']
    hashes = [row['config_hash'] for row in finished]
    rules = recorded_selections(frame[frame['config_hash'].isin(hashes)])
    if set(rules) > {'source', 'last', 'oracle'}:
        lines += [selection_table(plan, frame, rules)]
    for figure in write_figures(plan, frame, folder, f'{plan.name}_'):
        lines += [f'![{figure.stem}]({link}/{figure.name})', '']
    return '\n'.join(lines)


def further_table(plan: Plan, frame: pd.DataFrame) -> str:
    """Means over all runs of a method of what the main table leaves out.

    Args:
        plan: The plan.
        frame: Rows of :meth:`ResultsStore.read`.

    Returns:
        Markdown. Only methods without a lacking run are in it.
    """
    by_method = {label: [] for label in plan.methods}
    for run, row in rows_of(plan, frame, 'source').items():
        by_method[run.label].append(row)
    table = []
    for label, rows in by_method.items():
        if all(row and row['state'] == 'finished' for row in rows):
            cells = [_mean_cell(rows, column) for column in FURTHER.values()]
            table.append([escape_markdown(label), *cells])
    return '\n'.join(
        [
            '**Further accuracies in percent, means over the same runs of '
            'complete methods.**',
            '',
            tabulate(
                table,
                headers=['Method', *FURTHER],
                tablefmt='pipe',
                disable_numparse=True,
                colalign=['left', *['right'] * len(FURTHER)],
            )
            if table
            else 'None is complete.',
            '',
        ]
    )


def _mean_cell(rows: list[dict], column: str) -> str:
    values = [row.get(column, math.nan) for row in rows]
    mean = sum(values) / len(values)
    return '-' if math.isnan(mean) else percent(mean)


def _cost(finished: list[dict], expected: int) -> str:
    total = timedelta(seconds=round(sum(row['seconds'] for row in finished)))
    codes = sorted({row['code_version'] for row in finished})
    data = sorted({row['dataset_version'] for row in finished})
    return (
        f'{len(finished)} of {expected} runs, {total} of training in all '
        f'(hours:minutes:seconds, summed over runs; several ran at a time). '
        f'Code {", ".join(codes)}; data {", ".join(data)}.'
    )


def _estimates(comparison: Comparison, label: str) -> dict:
    method = comparison.methods[label]
    estimates = dict(method.targets)
    if len(comparison.targets) > 1:
        estimates['mean'] = method.mean
    return {
        target: estimate and (estimate.mean, estimate.low, estimate.high)
        for target, estimate in estimates.items()
    }
