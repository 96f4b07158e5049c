# Copyright (c) mmgmp authors.
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.registry import METRICS
from mmengine.evaluator import BaseMetric

from ..functional import mean_class_accuracy, top1_accuracy

POOLED = 'all'
WORST = 'worst'

# Accuracy of all modalities together on all samples, by which checkpoints are
# selected and methods compared.
MAIN_METRIC = 'acc/all/fused/top1'


@METRICS.register_module()
class DomainAccMetric(BaseMetric):
    """Accuracy per domain, over all domains and on the worst domain.

    Each data sample carries ``gt_label``, ``domain_name`` and ``pred_score``:
    a dict of (K,) scores, one per *branch* (``fused``, ``video``, ...), or one
    (K,) tensor, which is the branch ``fused``. The results are fractions:

    * ``acc/{domain}/{branch}/top1`` and ``acc/{domain}/{branch}/mean1``, the
      accuracy and its mean over the classes that the domain contains;
    * ``acc/all/{branch}/top1`` and ``mean1``, all samples pooled. The first
      key is ``acc/all/fused/top1``;
    * ``acc/worst/{branch}/top1``, the least over the domains.

    A sample of an unlabelled target, without ``gt_label``, is left out.

    A branch that some samples lack (a missing modality) is scored on the
    others, and ``acc/{domain}/{branch}/count`` then tells how many those are.
    Where no sample of a domain has the branch, its count is 0, it has no
    accuracy there and the branch has no worst domain.

    The arguments are those of :class:`mmengine.evaluator.BaseMetric`.
    """

    default_prefix = 'acc'

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep label, domain and scores of each sample, on the CPU.

        Args:
            data_batch: Unused.
            data_samples: Predicted data samples as dicts.

        Raises:
            ValueError: A sample has no domain, no single label, no scores,
                a label outside its scores, or scores that are not finite.
        """
        for sample in data_samples:
            if 'gt_label' not in sample:
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
            results: What :meth:`process` kept of each sample.

        Returns:
            Metric name without prefix -> value.

        Raises:
            ValueError: There are no results, or a domain has a name that the
                keys reserve.
        """
        if not results:
            raise ValueError(
                'DomainAccMetric got no samples with labels: check `domains`, '
                '`split` and `labelled` of the evaluated dataset'
            )
        domains = sorted({result['domain'] for result in results})
        if {POOLED, WORST} & set(domains):
            raise ValueError(
                f'`domain_name` must be neither {POOLED!r} nor {WORST!r}, '
                f'which name results over domains, got {domains}'
            )
        groups = {POOLED: results}
        for domain in domains:
            groups[domain] = [r for r in results if r['domain'] == domain]
        branches = dict.fromkeys(b for r in results for b in r['scores'])

        metrics: dict[str, float] = {}
        for group, members in groups.items():
            for branch in branches:
                values = _branch_accuracy(members, branch)
                for key, value in values.items():
                    metrics[f'{group}/{branch}/{key}'] = value
        for branch in branches:
            keys = [f'{domain}/{branch}/top1' for domain in domains]
            if all(key in metrics for key in keys):
                metrics[f'{WORST}/{branch}/top1'] = min(
                    metrics[key] for key in keys
                )
        return metrics


def _check_scores(name: str, label: int, scores: dict[str, Any]) -> None:
    """Refuse scores that cannot be compared with the label."""
    if not scores:
        raise ValueError(f'{name} has an empty `pred_score`')
    for branch, score in scores.items():
        if score.ndim != 1 or not 0 <= label < len(score):
            raise ValueError(
                f'{name}: `gt_label` is {label}, but `pred_score` of '
                f'{branch!r} has shape {score.shape}; it must be (K,) with '
                'the label below K: check `num_classes` of the head'
            )
        if not np.isfinite(score).all():
            raise ValueError(
                f'{name}: `pred_score` of {branch!r} is not finite: the '
                'weights have diverged; lower the learning rate'
            )


def _branch_accuracy(members: list[dict], branch: str) -> dict[str, float]:
    """Accuracies of one branch on the samples of one group."""
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
