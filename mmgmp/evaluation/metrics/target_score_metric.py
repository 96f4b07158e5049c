# Copyright (c) mmgmp authors.
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.registry import METRICS
from mmengine.evaluator import BaseMetric

from ..functional import (
    batch_nuclear_norm,
    classes_used,
    deep_embedded_validation,
    entropy_score,
    importance_weighted_accuracy,
    information_maximization,
    soft_neighborhood_density,
)


@METRICS.register_module()
class TargetScoreMetric(BaseMetric):
    """Scores of a model on a target whose labels nobody needs.

    They choose among the checkpoints of an unsupervised adaptation, where the
    accuracy on the sources says little and that on the target must not be
    used. The evaluated dataset holds clips of the sources with labels and
    clips of the target without (``labelled=False``); the head is a
    :class:`~mmgmp.models.MultimodalHead`, which hands over its features. Of
    each score more is better:

    * ``score/iw``: accuracy on the sources, weighted towards clips that are
      like the target's (:func:`importance_weighted_accuracy`);
    * ``score/dev``: minus the loss on the sources, weighted likewise with a
      control variate (:func:`deep_embedded_validation`);
    * ``score/entropy``, ``score/im``, ``score/snd``, ``score/bnm``: of the
      predictions on the target alone (:func:`entropy_score`,
      :func:`information_maximization`, :func:`soft_neighborhood_density`,
      :func:`batch_nuclear_norm`);
    * ``score/classes_used``: share of the classes that are predicted for the
      target at all. The scores of the target alone, and DEV, reward some
      collapsed models, so that a low share disqualifies a checkpoint.

    The arguments are those of :class:`mmengine.evaluator.BaseMetric`.
    """

    default_prefix = 'score'

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep features, prediction and, of a source, label of each sample.

        Args:
            data_batch: Unused.
            data_samples: Predicted data samples as dicts.

        Raises:
            ValueError: A sample has no ``fused_features``.
        """
        for sample in data_samples:
            if 'fused_features' not in sample:
                raise ValueError(
                    'TargetScoreMetric needs the features of each sample, '
                    'which MultimodalHead gives: use it as `cls_head`, or '
                    'remove the metric from `val_evaluator`; the sample has '
                    f'{sorted(sample)}'
                )
            label = sample.get('gt_label')
            self.results.append(
                dict(
                    label=None if label is None else label.item(),
                    features=_to_numpy(sample['fused_features']),
                    scores=_to_numpy(sample['pred_score']['fused']),
                )
            )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Compute the scores from the results of all ranks.

        Args:
            results: What :meth:`process` kept of each sample.

        Returns:
            Name without prefix -> score.

        Raises:
            ValueError: All samples have labels, or none has.
        """
        source = [r for r in results if r['label'] is not None]
        target = [r for r in results if r['label'] is None]
        if not source or not target:
            raise ValueError(
                'TargetScoreMetric compares sources with an unlabelled '
                f'target, but of {len(results)} samples {len(target)} are '
                'unlabelled: concatenate both in `val_dataloader.dataset`, '
                'the target with `labelled=False`'
            )
        features = [_stack(part, 'features') for part in (source, target)]
        source_scores = _stack(source, 'scores')
        labels = np.array([r['label'] for r in source])
        of_label = source_scores[np.arange(len(labels)), labels]
        losses = -np.log(np.maximum(of_label, np.finfo(np.float32).tiny))
        scores = _stack(target, 'scores')
        return dict(
            iw=importance_weighted_accuracy(
                *features, source_scores.argmax(axis=1) == labels
            ),
            dev=deep_embedded_validation(*features, losses),
            entropy=entropy_score(scores),
            im=information_maximization(scores),
            snd=soft_neighborhood_density(scores),
            bnm=batch_nuclear_norm(scores),
            classes_used=classes_used(scores),
        )


def _to_numpy(tensor: Any) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()


def _stack(results: list[dict], key: str) -> np.ndarray:
    return np.stack([result[key] for result in results]).astype(np.float64)
