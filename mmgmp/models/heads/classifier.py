# Copyright (c) mmgmp authors.
from abc import abstractmethod

import torch
from mmengine.model import BaseModule
from torch import Tensor

from ..build_part import build_part
from ..fusions.fusion import fill_absent


class Classifier(BaseModule):
    """Base class of modules that map the features of modalities to logits.

    A head classifies actions with it, a domain adversary classifies domains.

    Args:
        in_channels: Modality -> width D_m of its features.
        num_classes: Number of classes K.
    """

    def __init__(self, in_channels: dict[str, int], num_classes: int) -> None:
        super().__init__()
        self.in_channels = dict(in_channels)
        self.num_classes = num_classes

    @abstractmethod
    def forward(self, features: dict[str, Tensor]) -> Tensor:
        """Compute the logits of all modalities together.

        Args:
            features: Modality -> (N, D_m); an absent one counts as zeros.

        Returns:
            (N, K) float32, even under autocast.
        """

    @abstractmethod
    def unimodal_logits(
        self, features: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Compute the logits of each modality alone, without dropout.

        Args:
            features: Modality -> (N, D_m).

        Returns:
            Modality of ``features`` -> (N, K) float32.
        """

    def embed(self, features: dict[str, Tensor]) -> Tensor:
        """Fuse the features for metrics that compare domains.

        Args:
            features: Modality -> (N, D_m); an absent one counts as zeros.

        Returns:
            (N, D), by default the concatenation of all modalities.
        """
        filled = fill_absent(features, self.in_channels)
        return torch.cat(list(filled.values()), dim=1)

    def auxiliary_losses(
        self, logits: dict[str, Tensor], target: Tensor, name: str
    ) -> dict[str, Tensor]:
        """Compute the losses of the uni-modal logits, by default none.

        Args:
            logits: Output of :meth:`unimodal_logits`.
            target: (N,) int64 classes.
            name: Name of the loss of the fused logits.

        Returns:
            ``<name>.<modality>`` -> scalar.
        """
        return {}


def build_classifier(
    name: str, cfg: dict, in_channels: dict[str, int], num_classes: int
) -> Classifier:
    """Build a :class:`Classifier` from its config.

    Args:
        name: Argument that contains the config.
        cfg: Config. The default ``type`` is
            :class:`~mmgmp.models.FusionClassifier`.
        in_channels: Modality -> width D_m of its features.
        num_classes: Number of classes K.

    Raises:
        ValueError: The config contains the widths or the number of classes.
    """
    return build_part(
        name,
        {'type': 'FusionClassifier', **cfg},
        in_channels=in_channels,
        num_classes=num_classes,
    )


def mean_confidence(logits: Tensor, labels: Tensor) -> Tensor:
    r"""Compute the mean probability of the true label.

    The sums of eq. 8-9 of `GMP <https://arxiv.org/abs/2603.14175>`_ divided
    by the number of samples:
    :math:`\frac{1}{N} \sum_i \mathrm{softmax}(z_i)[y_i]`.

    Args:
        logits: (N, K).
        labels: (N,) int64 in [0, K).

    Returns:
        Scalar in (0, 1), without a graph.

    Example:
        >>> mean_confidence(torch.zeros(2, 4), torch.tensor([0, 3])).item()
        0.25
    """
    scores = logits.detach().softmax(dim=1)
    return scores.gather(1, labels[:, None]).mean()
