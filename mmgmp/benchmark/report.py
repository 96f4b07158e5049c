# Copyright (c) mmgmp authors.
"""Tables, figures and summary of a plan, as files and as a page."""

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from mmgmp.evaluation.functional.prediction_scores import MAIN_METRIC
from mmgmp.utils.atomic_local_backend import AtomicLocalBackend
from mmgmp.visualization import plot_accuracies, plot_sensitivity

from .comparison import Comparison
from .results import Results
from .run import Run
from .selection import SELECTIONS
from .tables import csv_table, latex_table, markdown_table, pipe_table
from .text import (
    LEFT_OUT,
    estimate_cell,
    markdown_summary,
    percent,
    plural,
)

INTERVAL = '95 % t interval'  # that of `mean_interval`
# Heading -> column of the metrics that are shown besides the compared one.
FURTHER = {
    'target, mean of classes': 'target/acc/all/fused/mean1',
    'target, video': 'target/acc/all/video/top1',
    'target, audio': 'target/acc/all/audio/top1',
    'sources': f'source/{MAIN_METRIC}',
    'sources, worst': 'source/acc/worst/fused/top1',
}


def write_tables(results: Results, folder: Path) -> None:
    """Write the tables of each selection rule, and the figures.

    Args:
        results: Results of a plan.
        folder: Where to write ``<rule>.md``, ``.csv`` and ``.tex``, and the
            figure ``accuracy.png``, or ``sensitivity.png`` for a plan with
            sweeps.
    """
    folder.mkdir(parents=True, exist_ok=True)
    title = results.plan.title
    # For a plan without results, all tables list its runs as missing.
    for selection in results.selections or SELECTIONS:
        comparison = results.comparison(selection)
        for suffix, text in (
            ('md', markdown_table(comparison, title)),
            ('csv', csv_table(comparison)),
            ('tex', latex_table(comparison, title)),
        ):
            # This replaces a link instead of the file that it points to.
            path = folder / f'{selection}.{suffix}'
            AtomicLocalBackend().put_text(text, path)
    write_figure(results, folder)


def write_figure(
    results: Results, folder: Path, prefix: str = ''
) -> Path | None:
    """Draw the accuracies, or the sensitivity if the plan has sweeps.

    Args:
        results: Results of a plan.
        folder: Where to write the figure.
        prefix: Prefix of the file name.

    Returns:
        The file; None if no run has finished.
    """
    comparison, baseline = results.comparison(), results.plan.baseline
    methods = comparison.methods
    if not any(method.finished for method in methods.values()):
        return None
    if curves := results.sensitivity():
        out = folder / f'{prefix}sensitivity.png'
        mean = methods[baseline].mean if baseline else None
        plot_sensitivity(
            curves,
            out,
            baseline=mean and (mean.mean, mean.low, mean.high),
            baseline_name=baseline or '',
            runs=results.sensitivity_runs(),
            chance=comparison.chance,
            interval=INTERVAL,
            defaults={
                name: default
                for name, default in results.default_values().items()
                if default in [value for value, *_ in curves[name]]
            },
        )
        return out
    out = folder / f'{prefix}accuracy.png'
    plot_accuracies(
        {label: _intervals(comparison, label) for label in methods},
        out,
        baseline=baseline,
        chance=comparison.chance,
        runs={label: _runs(comparison, label) for label in methods},
        interval=INTERVAL,
        incomplete={
            label: (method.finished, method.expected)
            for label, method in methods.items()
            if not method.complete
        },
    )
    return out


def page_section(
    results: Results, source: str, folder: Path, link: str
) -> str:
    """Write the section of the results page about one plan.

    Args:
        results: Results of the plan.
        source: File of the plan, for the command.
        folder: Where to write the figure.
        link: Link to that folder from the page.

    Returns:
        Markdown: command, time, summary, a table for each selection rule, and
        figure.
    """
    plan = results.plan
    command = f'python tools/benchmark.py {source}'
    lines = [f'## {plan.title}', '', '```shell', command, '```', '']
    if plan.note:
        lines += [plan.note, '']
    if results.outdated:
        lines += [outdated_note(results), '']
    if not results.finished:
        lines += [f'None of the {len(plan.runs)} runs has finished.', '']
        return '\n'.join(lines)
    comparison = results.comparison()
    lines += [_cost(results), '', '### Summary', '']
    lines += [markdown_summary(comparison), '### Tables', '']
    lines += [markdown_table(comparison), further_table(results)]
    for selection in ('last', 'oracle'):
        lines += ['<details>', f'<summary>{SELECTIONS[selection]}</summary>']
        lines += ['', markdown_table(results.comparison(selection))]
        lines += ['</details>', '']
    if set(results.selections) > {'source', 'last', 'oracle'}:
        lines.append(selection_table(results))
    if figure := write_figure(results, folder, f'{plan.name}_'):
        lines += [f'![{figure.stem}]({link}/{figure.name})', '']
    return '\n'.join(lines)


def outdated_note(results: Results) -> str:
    """Say which missing runs have rows of a config that has changed since."""
    runs = results.outdated
    return (
        f'{plural(len(runs), "missing run")} of {results.plan.title} have '
        'rows of another version of their config, which are left out. The '
        f'first: {runs[0].name}.'
    )


def stored_note(results: Results, to_do: Iterable[Run]) -> str:
    """Say which runs are shown from the results file and not repeated.

    Args:
        results: Results of a plan, before its runs.
        to_do: Runs that will be run, even if they have a row.

    Returns:
        A sentence with the number of stored runs, their file and the version
        of the code that made them; empty if there are none.
    """
    missing = {(run.identity['config_hash'], run.seed) for run in to_do}
    rows = [
        row
        for run, row in results.rows().items()
        if row and (run.identity['config_hash'], run.seed) not in missing
    ]
    if not rows:
        return ''
    codes = ', '.join(sorted({row['code_version'] for row in rows} - {''}))
    return (
        f'The results of {plural(len(rows), "run")} are rows stored in '
        f'{results.plan.results} by mmgmp {codes or "of unknown version"}: '
        f'{"nothing is run" if not missing else "they are not repeated"}.'
    )


def further_table(results: Results) -> str:
    """Format the means over the runs for metrics that are not compared.

    Args:
        results: Results of a plan.

    Returns:
        Markdown, with a row for each complete method.
    """
    by_method = defaultdict(list)
    for run, row in results.rows().items():
        by_method[run.label].append(row)
    table = []
    for label, rows in by_method.items():
        finished = [r for r in rows if r and r['state'] == 'finished']
        if len(finished) == len(rows):
            cells = [
                _mean_cell(finished, column) for column in FURTHER.values()
            ]
            table.append([label, *cells])
    return '\n'.join(
        [
            '**Other accuracies in percent: means over the same runs, '
            'complete methods only.**',
            '',
            pipe_table(['Method', *FURTHER], table)
            if table
            else 'No method is complete.',
            '',
        ]
    )


def selection_table(results: Results) -> str:
    """Format the mean over the targets for each selection rule.

    Args:
        results: Results of a plan.

    Returns:
        Markdown: one row per method, one column per rule, and the meaning of
        the rules.
    """
    rules = results.selections
    comparisons = [results.comparison(rule) for rule in rules]
    rows = [
        [label, *(estimate_cell(c.methods[label].mean) for c in comparisons)]
        for label in results.plan.methods
    ]
    return '\n'.join(
        [
            '**Selection rules: mean over the targets in percent, ± '
            'standard deviation over the seeds.**',
            '',
            pipe_table(['Method', *rules], rows),
            '',
            *(
                f'- {rule}: {SELECTIONS[rule].removeprefix(f"{rule}: ")}.'
                for rule in rules
            ),
            '',
        ]
    )


def _mean_cell(rows: list[dict], column: str) -> str:
    values = [row.get(column, math.nan) for row in rows]
    mean = sum(values) / len(values)
    return LEFT_OUT if math.isnan(mean) else percent(mean)


def _cost(results: Results) -> str:
    """State the number of finished runs, their time, and their versions."""
    rows = results.finished
    # Rows of an older version may lack the time.
    known = [x for x in (row['seconds'] for row in rows) if not math.isnan(x)]
    total = timedelta(seconds=round(sum(known)))
    codes = sorted({row['code_version'] for row in rows})
    data = sorted({row['dataset_version'] for row in rows})
    return (
        f'{len(rows)} of {len(results.plan.runs)} runs finished. Total '
        f'training time: {total} (hours:minutes:seconds, summed over runs; '
        'several ran in parallel). '
        f'Code {", ".join(codes)}; data {", ".join(data)}.'
    )


def _intervals(
    comparison: Comparison, label: str
) -> dict[str, tuple[float, float, float] | None]:
    """Get mean, low and high of a method on each target and on average."""
    method = comparison.methods[label]
    estimates = dict(method.targets)
    if len(comparison.targets) > 1:
        estimates['mean'] = method.mean
    return {
        target: estimate and (estimate.mean, estimate.low, estimate.high)
        for target, estimate in estimates.items()
    }


def _runs(comparison: Comparison, label: str) -> dict[str, list[float]]:
    """Get the scores of a method by target, and their means by seed."""
    method = comparison.methods[label]
    runs = {target: method.of_runs(target) for target in method.targets}
    if len(comparison.targets) > 1 and method.complete:
        runs['mean'] = method.of_seeds()
    return runs
