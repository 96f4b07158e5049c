# Copyright (c) mmgmp authors.
"""Metrics of MMAction2 and MMEngine on the predictions of mmgmp."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from mmaction.evaluation import ConfusionMatrix
from mmengine.evaluator import BaseMetric, Evaluator

from mmgmp.utils.replacements import is_replacement


def count_fused_predictions() -> None:
    """Let :class:`mmaction.evaluation.ConfusionMatrix` read branches.

    It expects one (K,) tensor of scores, and gets those of the branch
    ``fused``. ``AccMetric`` and ``DumpResults`` read all branches without
    help.
    """
    process = ConfusionMatrix.process

    @functools.wraps(process)
    def process_fused(self, data_batch, data_samples: Sequence[dict]) -> None:
        process(self, data_batch, [*map(_fused, data_samples)])

    ConfusionMatrix.process = process_fused


def _fused(sample: dict) -> dict:
    scores = sample.get('pred_score')
    if isinstance(scores, dict) and 'fused' in scores:
        return dict(sample, pred_score=scores['fused'])
    return sample


class LeftOut:
    """Place of a sample that is not scored, among the results of a metric.

    It keeps the results of the ranks in the order of the samples, by which
    MMEngine removes the samples that pad the last batch.
    """


def leave_out_replacements(evaluator: Evaluator) -> None:
    """Let no metric of an evaluator see the replacements of corrupt samples.

    Args:
        evaluator: Evaluator, changed in place. A second call does nothing.
    """
    for metric in evaluator.metrics:
        if not getattr(metric, 'leaves_out_replacements', False):
            metric.leaves_out_replacements = True
            metric.process = functools.partial(
                _process_others, metric, metric.process
            )
            metric.compute_metrics = functools.partial(
                _compute_on_others, metric, metric.compute_metrics
            )


def _process_others(
    metric: BaseMetric,
    process: Callable,
    data_batch: Any,
    data_samples: Sequence[dict],
) -> None:
    """Process the samples that are no replacements."""
    left_out = [is_replacement(sample) for sample in data_samples]
    if not any(left_out):
        process(data_batch, data_samples)
        return
    kept = [s for s, out in zip(data_samples, left_out) if not out]
    before = len(metric.results)
    if kept:
        process(data_batch, kept)
    added = metric.results[before:]
    if len(added) != len(kept):
        raise ValueError(
            f'{type(metric).__name__} cannot leave out corrupt samples, '
            'because it does not store one result for each sample: remove '
            "the metric, or set on_corrupt='raise' of the dataset"
        )
    results = iter(added)
    metric.results[before:] = [
        LeftOut() if out else next(results) for out in left_out
    ]


def _compute_on_others(
    metric: BaseMetric, compute: Callable, results: list
) -> dict:
    """Compute a metric without the places of samples that are left out."""
    kept = [r for r in results if not isinstance(r, LeftOut)]
    if results and not kept:
        raise ValueError(
            f'{type(metric).__name__} has nothing to score: all '
            f'{len(results)} samples are corrupt'
        )
    return compute(kept)
