# Copyright (c) mmgmp authors.
"""What a test found: as a file, as text and as a figure."""

import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.dist import master_only
from mmengine.logging import print_log
from mmengine.runner.base_loop import BaseLoop

from mmgmp.evaluation import DomainAccMetric
from mmgmp.evaluation.functional.class_report import (
    MOST_COLUMNS,
    WORST_CONFUSIONS,
    align,
    collapse_warning,
    format_confusion,
)
from mmgmp.evaluation.metrics.domain_acc_metric import MAIN_BRANCH, POOLED
from mmgmp.models.heads.multimodal_head import UNIMODAL_SUFFIX
from mmgmp.utils.atomic_local_backend import AtomicLocalBackend
from mmgmp.visualization import plot_confusion

CONFUSION_FIGURE = 'confusion_target.png'


def evaluation_report(loop: BaseLoop) -> dict[str, dict]:
    """Get what the last evaluation of a loop found by domain and class.

    Args:
        loop: Validation or test loop.

    Returns:
        ``report`` of :class:`~mmgmp.evaluation.DomainAccMetric`; empty
        without this metric.
    """
    for metric in loop.evaluator.metrics:
        if isinstance(metric, DomainAccMetric):
            return metric.report
    return {}


def summarize_test(loop: BaseLoop, checkpoint: str) -> dict:
    """Summarize a test, like the part of :func:`train_and_test` on the target.

    Args:
        loop: Test loop after its run.
        checkpoint: File of the tested weights.

    Returns:
        ``target``, ``chance``, ``target_top1``, ``checkpoint``, ``warnings``
        and ``evaluation``, as in :func:`train_and_test`; empty if the
        evaluator has no :class:`DomainAccMetric`.
    """
    report = evaluation_report(loop)
    if not report:
        return {}
    evaluation = dict(target=report)
    return dict(
        target='+'.join(group for group in report if group != POOLED),
        chance=1 / len(report[POOLED]['class_clips']),
        target_top1=top1_of(report),
        checkpoint=Path(checkpoint).name,
        warnings=find_warnings(evaluation),
        evaluation=evaluation,
    )


def top1_of(report: dict[str, dict]) -> dict[str, float]:
    """Map each branch of a report to its top-1 accuracy over all samples."""
    branches = report[POOLED]['branches']
    return {branch: values['top1'] for branch, values in branches.items()}


def find_warnings(evaluation: dict[str, dict]) -> list[str]:
    """Warn in the log of predictions that are nearly constant.

    Args:
        evaluation: Name of an evaluation, such as ``target`` -> its report.

    Returns:
        The warnings.
    """
    warnings = []
    for name, report in evaluation.items():
        if found := collapse_warning(report[POOLED]):
            warnings.append(f'{name}: {found}')
            print_log(warnings[-1], 'current', logging.WARNING)
    return warnings


@master_only
def write_summary(summary: dict, path: Path) -> None:
    """Write a summary as JSON, with each row of a matrix on one line."""
    text = json.dumps(summary, indent=2)
    # No string of JSON contains a line break.
    text = re.sub(
        r'\[\n[\d\s,]+\]', lambda row: ' '.join(row[0].split()), text
    )
    AtomicLocalBackend().put_text(text + '\n', path)


def format_summary(summary: dict) -> str:
    """Format the accuracies of a summary as a table, in percent.

    Args:
        summary: Output of :func:`train_and_test`, also of an older version.

    Returns:
        Rows for source and target. The columns are the accuracies of the
        fused prediction and of each modality alone, the mean of the
        accuracies of the classes (fused), the share of the most frequent
        class, chance, and the number of clips. ``-`` means that there is no
        such value. The warnings of the summary follow.
    """
    evaluation = summary.get('evaluation', {})
    rows = {
        name: (summary[f'{part}_top1'], evaluation.get(part))
        for part, name in _parts(summary).items()
    }
    columns = dict.fromkeys(
        branch
        for top1, _ in rows.values()
        for branch in top1
        if not branch.endswith(UNIMODAL_SUFFIX)
    )
    known = any(report for _, report in rows.values())
    further = ['class mean', 'majority', 'chance', 'clips']
    table = [['top-1 (%)', *columns, *(further if known else ['chance'])]]
    for name, (top1, report) in rows.items():
        cells = [*map(_percent, map(top1.get, columns))]
        if known:
            group = (report or {}).get(POOLED)
            cells += _further(group, summary['chance'])
        else:
            cells.append(_percent(summary['chance']))
        table.append([name, *cells])
    lines = [f'Warning: {text}.' for text in summary.get('warnings', ())]
    return '\n'.join([align(table), *lines])


def format_target(summary: dict) -> str:
    """Format the confusion matrix of the target as text.

    Args:
        summary: Output of :func:`train_and_test`.

    Returns:
        The table, see
        :func:`~mmgmp.evaluation.functional.class_report.format_confusion`,
        with a title.
    """
    branch, matrix, classes = _target_matrix(summary)
    what = 'clips by true class (rows) and predicted class'
    if len(classes) > MOST_COLUMNS:
        what = f'the {WORST_CONFUSIONS} most frequent confusions'
    return (
        f'target ({summary["target"]}), {branch}: {what}\n'
        f'{format_confusion(matrix, classes)}'
    )


@master_only
def draw_target(summary: dict, folder: str | Path) -> None:
    """Draw the confusion matrix of the target, and print the name of the file.

    Args:
        summary: Output of :func:`train_and_test`.
        folder: Where to write ``confusion_target.png``.
    """
    branch, matrix, classes = _target_matrix(summary)
    out = Path(folder, CONFUSION_FIGURE)
    title = f'target {summary["target"]}, {branch}'
    plot_confusion(matrix, classes, out, title)
    print(f'wrote {out}')


def mean_summary(summaries: Sequence[dict]) -> dict:
    """Average the runs of one setting, such as its seeds.

    Args:
        summaries: Outputs of :func:`train_and_test` for runs with the same
            sources and target.

    Returns:
        A summary with the means of ``source_top1`` and ``target_top1`` over
        the runs, for branches that all runs have. If all runs have them,
        ``evaluation`` has the means of the numbers that the table of
        :func:`format_summary` shows. ``warnings`` says how many runs have
        any.

    Raises:
        ValueError: The runs have different sources or targets.
    """
    first = summaries[0]
    for summary in summaries:
        for key in ('target', 'sources'):
            if summary[key] != first[key]:
                raise ValueError(
                    f'`summaries` must have the same {key}, got '
                    f'{first[key]!r} and {summary[key]!r}'
                )
    means = {}
    for part in ('source_top1', 'target_top1'):
        means[part] = {
            branch: _mean([s[part][branch] for s in summaries])
            for branch in first[part]
            if all(branch in s[part] for s in summaries)
        }
    keys = ('target', 'sources', 'chance')
    mean = dict({key: first[key] for key in keys}, **means)
    if all('evaluation' in summary for summary in summaries):
        mean['evaluation'] = {
            part: _mean_group([s['evaluation'][part] for s in summaries])
            for part in ('source', 'target')
        }
    if count := sum(bool(s.get('warnings')) for s in summaries):
        mean['warnings'] = [
            f'{count} of {len(summaries)} runs have nearly constant '
            'predictions, see their summaries'
        ]
    return mean


def _parts(summary: dict) -> dict[str, str]:
    """Name the evaluations of a summary; a test alone has no source."""
    names = dict(target=f'target ({summary["target"]})')
    if 'source_top1' in summary:
        sources = '+'.join(summary['sources'])
        names = dict(source=f'source ({sources})', **names)
    return names


def _further(group: dict | None, chance: float) -> list[str]:
    if group is None:
        return ['-', '-', _percent(chance), '-']
    fused = group['branches'].get(MAIN_BRANCH, {})
    shares = (fused.get('mean1'), group['majority']['share'], chance)
    return [*map(_percent, shares), f'{group["clips"]:g}']


def _percent(value: float | None) -> str:
    return '-' if value is None else f'{100 * value:.1f}'


def _target_matrix(summary: dict) -> tuple[str, np.ndarray, list[str]]:
    """Get the matrix of the main branch, or of the only one."""
    group = summary['evaluation']['target'][POOLED]
    branches = group['branches']
    branch = MAIN_BRANCH if MAIN_BRANCH in branches else next(iter(branches))
    matrix = np.array(branches[branch]['confusion'])
    return branch, matrix, [*group['class_clips']]


def _mean_group(reports: Sequence[dict]) -> dict[str, dict]:
    """Average what :func:`format_summary` shows of each report."""
    groups = [report[POOLED] for report in reports]
    fused = [group['branches'].get(MAIN_BRANCH) for group in groups]
    branches = {}
    if None not in fused:
        branches[MAIN_BRANCH] = dict(mean1=_mean([f['mean1'] for f in fused]))
    share = _mean([group['majority']['share'] for group in groups])
    return {
        POOLED: dict(
            clips=_mean([group['clips'] for group in groups]),
            majority=dict(share=share),
            branches=branches,
        )
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
