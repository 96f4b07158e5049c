# Copyright (c) mmgmp authors.

from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.model import BaseModule
from torch import Tensor

from ..losses import mean_confidence
from .fusion_classifier import FusionClassifier


@MODELS.register_module()
class MultimodalHead(BaseModule):
    """Classification head on the features of several modalities.

    Args:
        num_classes: Number of classes K.
        in_channels: Modality -> width D_m of its features.
        fusion: Config of the fusion, without ``in_channels``. None is
            ``dict(type='ConcatFusion')``.
        hidden_channels: Width of the MLP's hidden layer; None for a linear
            head.
        dropout_ratio: Dropout after the hidden layer, in [0, 1).
        unimodal: Where the uni-modal logits come from: ``'masked'``,
            ``'split'`` or ``'auxiliary'``; see :class:`FusionClassifier`. The
            choice changes the discrepancy ratios of GMP.
        detach_auxiliary: Whether auxiliary layers learn from detached
            features, without training the encoders.
        auxiliary_loss_weight: Weight of the auxiliary layers' losses.
        loss_cls: Config of the classification loss. None is
            ``dict(type='CrossEntropyLoss')``.

    Raises:
        ValueError: See :class:`FusionClassifier`.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: dict[str, int],
        fusion: dict | None = None,
        hidden_channels: int | None = None,
        dropout_ratio: float = 0.0,
        unimodal: str = 'masked',
        detach_auxiliary: bool = True,
        auxiliary_loss_weight: float = 1.0,
        loss_cls: dict | None = None,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.classifier = FusionClassifier(
            in_channels,
            num_classes,
            fusion=fusion,
            hidden_channels=hidden_channels,
            dropout_ratio=dropout_ratio,
            unimodal=unimodal,
            detach_auxiliary=detach_auxiliary,
            auxiliary_loss_weight=auxiliary_loss_weight,
        )
        self.loss_cls = MODELS.build(loss_cls or {'type': 'CrossEntropyLoss'})

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        """Fused logits.

        Args:
            features: Modality -> (N, D_m).

        Returns:
            (N, K) float32.
        """
        return self.classifier(features)

    def loss(
        self, features: dict[str, Tensor], logits: Tensor, labels: Tensor
    ) -> dict[str, Tensor]:
        """Loss terms and the uni-modal confidences that are logged.

        Args:
            features: Modality -> (N, D_m).
            logits: (N, K), what :meth:`forward` gives for ``features``.
            labels: (N,) int64 classes.

        Returns:
            ``loss_cls``, ``semantic_confidence.<m>`` for each modality and,
            for auxiliary uni-modal logits, ``<m>_loss_cls``.
        """
        losses = {'loss_cls': self.loss_cls(logits, labels)}
        unimodal = self.classifier.unimodal_logits(features)
        losses.update(
            self.classifier.auxiliary_losses(unimodal, labels, 'loss_cls')
        )
        for modality, scores in unimodal.items():
            losses[f'semantic_confidence.{modality}'] = mean_confidence(
                scores, labels
            )
        return losses

    def predict(
        self,
        features: dict[str, Tensor],
        data_samples: list[ActionDataSample],
    ) -> list[ActionDataSample]:
        """Write the scores of all modalities together and of each alone.

        Args:
            features: Modality -> (N, D_m). A modality that the batch lacks
                is left out; it counts as zeros and gets no scores.
            data_samples: The N data samples, which are written to.

        Returns:
            The data samples with ``fused_features``, (D,), for metrics that
            compare domains, ``pred_score``, a dict of (K,) float32 softmax
            scores, and ``pred_label``, the best class of ``fused``:

            - ``fused``: all modalities;
            - ``<m>``: the same head with the other modalities masked;
            - ``<m>_unimodal``: the uni-modal logits.
        """
        logits = {'fused': self(features)}
        unimodal = self.classifier.unimodal_logits(features)
        for modality, feature in features.items():
            logits[modality] = self({modality: feature})
            logits[f'{modality}_unimodal'] = unimodal[modality]
        scores = {branch: x.softmax(dim=1) for branch, x in logits.items()}
        fused = self.classifier.fusion(features)
        for index, sample in enumerate(data_samples):
            sample.set_field(fused[index], 'fused_features')
            sample.set_pred_score({b: s[index] for b, s in scores.items()})
            sample.set_pred_label(scores['fused'][index].argmax(dim=-1))
        return data_samples
