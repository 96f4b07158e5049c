# Copyright (c) mmgmp authors.
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.registry import METRICS
from mmengine.evaluator import BaseMetric

from mmgmp.utils.replacements import is_replacement

from ..functional.prediction_scores import (
    batch_nuclear_norm,
    classes_used,
    entropy_score,
    information_maximization,
    soft_neighborhood_density,
)
from ..functional.source_weighting import (
    deep_embedded_validation,
    importance_weighted_accuracy,
)


@METRICS.register_module()
class TargetScoreMetric(BaseMetric):
    """Compute validation scores that need no target labels.

    They select a checkpoint of an unsupervised adaptation: the source
    accuracy says little about the target, and the target accuracy must not be
    used. The validation dataset holds labelled source clips and unlabelled
    target clips (``labelled=False``), and the head must be a
    :class:`~mmgmp.models.MultimodalHead`, which returns its features. Each
    score is higher for a better model:

    * ``score/iw``: source accuracy, weighted towards clips that resemble the
      target (:func:`importance_weighted_accuracy`);
    * ``score/dev``: negative source loss, weighted in the same way with a
      control variate (:func:`deep_embedded_validation`);
    * ``score/entropy``, ``score/im``, ``score/snd``, ``score/bnm``: computed
      from the target predictions alone (:func:`entropy_score`,
      :func:`information_maximization`, :func:`soft_neighborhood_density`,
      :func:`batch_nuclear_norm`);
    * ``score/classes_used``: fraction of the classes that are predicted for
      the target. The scores on the target alone, and DEV, can favor a
      collapsed model; a low fraction disqualifies such a checkpoint.

    The replacements of corrupt samples are left out.

    The arguments are those of :class:`mmengine.evaluator.BaseMetric`.
    """

    default_prefix = 'score'

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Store the features, the scores and, for source clips, the label.

        Args:
            data_batch: Unused.
            data_samples: Predicted data samples as dicts.

        Raises:
            ValueError: A sample has no ``fused_features``.
        """
        for sample in data_samples:
            if is_replacement(sample):
                self.results.append({})  # as in DomainAccMetric
                continue
            if 'fused_features' not in sample:
                raise ValueError(
                    'TargetScoreMetric needs `fused_features` of each '
                    'sample: use MultimodalHead as `cls_head`, or remove the '
                    'metric from `val_evaluator`; the sample has '
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
            results: Entries that :meth:`process` stored, one per sample; those
                of corrupt samples are empty.

        Returns:
            Name without prefix -> score.

        Raises:
            ValueError: All samples have labels, or none of them has.
        """
        results = [result for result in results if result]
        source = [r for r in results if r['label'] is not None]
        target = [r for r in results if r['label'] is None]
        if not source or not target:
            raise ValueError(
                'TargetScoreMetric needs labelled source clips and unlabelled '
                f'target clips, but {len(target)} of {len(results)} samples '
                'are unlabelled: concatenate both in `val_dataloader.dataset`,'
                ' the target with `labelled=False`'
            )
        source_features = _stack(source, 'features')
        target_features = _stack(target, 'features')
        source_scores = _stack(source, 'scores')
        labels = np.array([r['label'] for r in source])
        of_label = source_scores[np.arange(len(labels)), labels]
        losses = -np.log(np.maximum(of_label, np.finfo(np.float32).tiny))
        scores = _stack(target, 'scores')
        return dict(
            iw=importance_weighted_accuracy(
                source_features,
                target_features,
                source_scores.argmax(axis=1) == labels,
            ),
            dev=deep_embedded_validation(
                source_features, target_features, losses
            ),
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
