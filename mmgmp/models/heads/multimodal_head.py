# Copyright (c) mmgmp authors.
from typing import ClassVar

from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.model import BaseModule
from torch import Tensor

from ..train_batch import TrainBatch
from .classifier import build_classifier, mean_confidence

# Suffix of the branches of uni-modal logits in a prediction.
UNIMODAL_SUFFIX = '_unimodal'


@MODELS.register_module()
class MultimodalHead(BaseModule):
    """Classification head on the features of several modalities.

    Args:
        in_channels: Modality -> width D_m of its features.
        num_classes: Number of classes K.
        classifier: Config of a :class:`Classifier`, without
            ``in_channels`` and ``num_classes``. The default ``type`` is
            :class:`FusionClassifier`. The definition of its uni-modal logits
            affects the discrepancy ratios of GMP.
        loss_cls: Config of the classification loss. None means
            ``dict(type='CrossEntropyLoss')``.

    Attributes:
        tasks: Glob of a loss term -> task that it belongs to, see
            :class:`~mmgmp.models.Objective`.

    Raises:
        ValueError: The class of ``classifier`` rejects its config.
    """

    tasks: ClassVar[dict[str, str]] = {
        'loss_cls': 'semantic',
        'loss_cls.*': 'semantic',
    }

    def __init__(
        self,
        in_channels: dict[str, int],
        num_classes: int,
        classifier: dict | None = None,
        loss_cls: dict | None = None,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.classifier = build_classifier(
            'classifier', classifier or {}, in_channels, num_classes
        )
        self.loss_cls = MODELS.build(loss_cls or {'type': 'CrossEntropyLoss'})

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        """Compute the fused logits.

        Args:
            features: Modality -> (N, D_m).

        Returns:
            (N, K) float32.
        """
        return self.classifier(features)

    def loss(self, batch: TrainBatch) -> dict[str, Tensor]:
        """Compute the loss terms and the logged uni-modal confidences.

        Args:
            batch: Samples that all have a label.

        Returns:
            ``loss_cls``, ``semantic_confidence.<m>`` for each modality, and
            ``loss_cls.<m>`` for auxiliary uni-modal logits.
        """
        losses = {'loss_cls': self.loss_cls(batch.logits, batch.labels)}
        unimodal = self.classifier.unimodal_logits(batch.features)
        losses.update(
            self.classifier.auxiliary_losses(
                unimodal, batch.labels, 'loss_cls'
            )
        )
        for modality, scores in unimodal.items():
            losses[f'semantic_confidence.{modality}'] = mean_confidence(
                scores, batch.labels
            )
        return losses

    def predict(
        self,
        features: dict[str, Tensor],
        data_samples: list[ActionDataSample],
    ) -> list[ActionDataSample]:
        """Write the scores of all modalities together and of each alone.

        Args:
            features: Modality -> (N, D_m). An absent modality counts as zeros
                and gets no scores.
            data_samples: The N data samples to write to.

        Returns:
            The data samples with ``fused_features``, (D,), for metrics that
            compare domains; ``pred_score``, a dict of (K,) float32 softmax
            scores; and ``pred_label``, the best class of ``fused``. The keys
            of ``pred_score`` are

            - ``fused``: all modalities;
            - ``<m>``: the same head with the other modalities masked;
            - ``<m>_unimodal``: the uni-modal logits.
        """
        logits = {'fused': self(features)}
        unimodal = self.classifier.unimodal_logits(features)
        for modality, feature in features.items():
            logits[modality] = self({modality: feature})
            logits[f'{modality}{UNIMODAL_SUFFIX}'] = unimodal[modality]
        scores = {branch: x.softmax(dim=1) for branch, x in logits.items()}
        embedded = self.classifier.embed(features)
        for index, sample in enumerate(data_samples):
            sample.set_field(embedded[index], 'fused_features')
            sample.set_pred_score({b: s[index] for b, s in scores.items()})
            sample.set_pred_label(scores['fused'][index].argmax(dim=-1))
        return data_samples
