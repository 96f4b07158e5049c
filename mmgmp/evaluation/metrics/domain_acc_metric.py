# Copyright (c) mmgmp authors.
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.registry import METRICS
from mmengine.dist import broadcast_object_list
from mmengine.evaluator import BaseMetric

from mmgmp.utils.replacements import is_replacement

from ..functional.class_report import (
    class_names,
    confusion_matrix,
    describe_classes,
    largest_share,
)
from ..functional.prediction_scores import mean_class_accuracy, top1_accuracy

POOLED = 'all'
WORST = 'worst'
MAIN_BRANCH = 'fused'


@METRICS.register_module()
class DomainAccMetric(BaseMetric):
    """Accuracy on each domain, on all samples and on the worst domain.

    Each data sample has ``gt_label``, ``domain_name`` and ``pred_score``: a
    dict with (K,) scores of each *branch* (``fused``, ``video``, ...), or one
    (K,) tensor, which counts as the branch ``fused``. The results are
    fractions:

    * ``acc/{domain}/{branch}/top1`` and ``mean1``: the accuracy, and the mean
      of the accuracies of the classes in the domain;
    * ``acc/all/{branch}/top1`` and ``mean1``: the same over all samples. The
      first key is ``acc/all/fused/top1``;
    * ``acc/worst/{branch}/top1``: the minimum over the domains;
    * ``acc/all/clips``: the number of scored samples, and
      ``acc/all/majority``: the share of the most frequent class in them;
    * ``acc/all/{branch}/most_predicted``: the share of the most predicted
      class in the predictions;
    * ``acc/all/fused/class/{name}``: the accuracy of each class that has
      samples.

    The attribute ``report`` holds the same by domain, branch and class, with
    confusion matrices.

    Samples without ``gt_label``, those of an unlabelled target and the
    replacements of corrupt samples, are ignored.

    If some samples lack a branch (a missing modality), the branch is scored
    on the other samples, and ``acc/{domain}/{branch}/count`` is their number.
    If no sample of a domain has the branch, the count is 0, and the branch
    has neither an accuracy on that domain nor a worst domain.

    The arguments are those of :class:`mmengine.evaluator.BaseMetric`.

    Attributes:
        report: What the last evaluation found, on all ranks: ``all`` and each
            domain -> ``clips`` (number of scored samples), ``majority`` (the
            most frequent ``class`` and its ``share``), ``class_clips`` (class
            -> number of samples) and ``branches``, which maps each branch to
            ``top1``, ``mean1``, ``most_predicted`` (``class`` and ``share``)
            and ``per_class`` (class -> accuracy; None without samples).
            ``confusion`` (K rows of true classes, K columns of predicted
            classes) is there for all branches of ``all`` and for ``fused`` of
            each domain. Empty before the first evaluation.
    """

    default_prefix = 'acc'

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.report: dict[str, dict] = {}

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Store label, domain and scores of each sample on the CPU.

        Args:
            data_batch: Unused.
            data_samples: Predicted data samples as dicts.

        Raises:
            ValueError: A sample has no domain, not exactly one label, no
                scores, a label without a score, or scores that are not
                finite.
        """
        for sample in data_samples:
            if 'gt_label' not in sample or is_replacement(sample):
                # An empty result keeps the place of the sample, by which
                # MMEngine removes the samples that pad the last batch.
                self.results.append({})
                continue
            name = sample.get('filename', f'sample {len(self.results)}')
            domain = sample.get('domain_name')
            if domain is None:
                raise ValueError(
                    f'{name} has no `domain_name`: add it to `meta_keys` of '
                    f'PackActionInputs; the sample has {sorted(sample)}'
                )
            label = sample['gt_label']
            if label.numel() != 1:
                raise ValueError(
                    f'{name} has {label.numel()} labels, but DomainAccMetric '
                    'needs exactly one per sample'
                )
            scores = sample['pred_score']
            if not isinstance(scores, dict):
                scores = dict(fused=scores)
            result = dict(
                domain=domain,
                label=label.item(),
                scores={
                    branch: score.detach().float().cpu().numpy()
                    for branch, score in scores.items()
                },
            )
            _check_scores(name, result['label'], result['scores'])
            self.results.append(result)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Compute the accuracies from the results of all ranks.

        Args:
            results: Entries that :meth:`process` stored, one per sample; those
                of ignored samples are empty.

        Returns:
            Metric name without prefix -> value.

        Raises:
            ValueError: There are no results, or a domain is named ``all`` or
                ``worst``.
        """
        results = [result for result in results if result]
        if not results:
            raise ValueError(
                'DomainAccMetric got no samples with labels: check `domains`, '
                '`split` and `labelled` of the evaluated dataset'
            )
        domains = sorted({result['domain'] for result in results})
        if {POOLED, WORST} & set(domains):
            raise ValueError(
                f'`domain_name` must be neither {POOLED!r} nor {WORST!r}, '
                f'which are keys of the results, got {domains}'
            )
        groups = {POOLED: results}
        for domain in domains:
            groups[domain] = [r for r in results if r['domain'] == domain]
        branches = dict.fromkeys(b for r in results for b in r['scores'])

        metrics: dict[str, float] = {}
        self.report = {}
        for group, members in groups.items():
            scored: dict[str, dict] = {}
            for branch in branches:
                values = _branch_accuracy(members, branch)
                for key, value in values.items():
                    metrics[f'{group}/{branch}/{key}'] = value
                if 'top1' in values:
                    scored[branch] = values
            self.report[group] = self._describe(group, members, scored)
        for branch in branches:
            keys = [f'{domain}/{branch}/top1' for domain in domains]
            if all(key in metrics for key in keys):
                metrics[f'{WORST}/{branch}/top1'] = min(
                    metrics[key] for key in keys
                )
        return metrics | _class_metrics(self.report[POOLED])

    def evaluate(self, size: int) -> dict:
        """Evaluate, and give the report to all ranks.

        Args:
            size: Number of samples of the dataset.

        Returns:
            Metric name -> value.
        """
        metrics = super().evaluate(size)
        reports = [self.report]
        broadcast_object_list(reports)
        self.report = reports[0]
        return metrics

    def _describe(
        self, group: str, members: list[dict], scored: dict[str, dict]
    ) -> dict:
        """Make the entry of a group in the report."""
        size = max(len(s) for r in members for s in r['scores'].values())
        classes = class_names((self.dataset_meta or {}).get('classes'), size)
        labels = np.array([r['label'] for r in members])
        counts = np.bincount(labels, minlength=size)
        described = {}
        for branch, values in scored.items():
            having = [r for r in members if branch in r['scores']]
            matrix = confusion_matrix(
                np.array([r['scores'][branch].argmax() for r in having]),
                np.array([r['label'] for r in having]),
                size,
            )
            described[branch] = values | describe_classes(matrix, classes)
            if group == POOLED or branch == MAIN_BRANCH:
                described[branch]['confusion'] = matrix.tolist()
        return dict(
            clips=len(members),
            majority=largest_share(counts, classes),
            class_clips=dict(zip(classes, counts.tolist(), strict=True)),
            branches=described,
        )


def _class_metrics(pooled: dict) -> dict[str, float]:
    """List the numbers of the report that a log can hold."""
    metrics = {
        'clips': float(pooled['clips']),
        'majority': pooled['majority']['share'],
    }
    for branch, values in pooled['branches'].items():
        share = values['most_predicted']['share']
        metrics[f'{branch}/most_predicted'] = share
    main = pooled['branches'].get(MAIN_BRANCH, {})
    for name, value in main.get('per_class', {}).items():
        if value is not None:
            metrics[f'{MAIN_BRANCH}/class/{name}'] = value
    return {f'{POOLED}/{key}': value for key, value in metrics.items()}


def _check_scores(name: str, label: int, scores: dict[str, Any]) -> None:
    """Raise an error for scores that do not fit the label."""
    if not scores:
        raise ValueError(f'{name} has an empty `pred_score`')
    for branch, score in scores.items():
        if score.ndim != 1 or not 0 <= label < len(score):
            raise ValueError(
                f'{name}: `gt_label` is {label}, but `pred_score` of '
                f'{branch!r} has shape {score.shape}; it must be (K,) with K '
                'above the label: check `num_classes` of the head'
            )
        if not np.isfinite(score).all():
            raise ValueError(
                f'{name}: `pred_score` of {branch!r} is not finite: '
                'training diverged; lower the learning rate'
            )


def _branch_accuracy(members: list[dict], branch: str) -> dict[str, float]:
    """Compute the accuracies of one branch on the samples of one group."""
    scored = [r for r in members if branch in r['scores']]
    values: dict[str, float] = {}
    if scored:
        scores = np.stack([r['scores'][branch] for r in scored])
        labels = np.array([r['label'] for r in scored])
        values['top1'] = top1_accuracy(scores, labels)
        values['mean1'] = mean_class_accuracy(scores, labels)
    if len(scored) < len(members):
        values['count'] = len(scored)
    return values
