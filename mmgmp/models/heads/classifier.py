# Copyright (c) mmgmp authors.
from abc import abstractmethod

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..build_part import build_part
from ..fusions import fill_absent


class Classifier(BaseModule):
    """Base of what maps the features of several modalities to logits.

    A head classifies actions with it, a domain adversary domains.

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
        """Logits of all modalities together.

        Args:
            features: Modality -> (N, D_m); an absent one counts as zeros.

        Returns:
            (N, K) float32, under autocast too.
        """

    @abstractmethod
    def unimodal_logits(
        self, features: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Logits of each modality alone, without dropout.

        Args:
            features: Modality -> (N, D_m).

        Returns:
            Modality of ``features`` -> (N, K) float32.
        """

    def embed(self, features: dict[str, Tensor]) -> Tensor:
        """Features of a sample as metrics compare them between domains.

        Args:
            features: Modality -> (N, D_m); an absent one counts as zeros.

        Returns:
            (N, D), by default those of all modalities side by side.
        """
        filled = fill_absent(features, self.in_channels)
        return torch.cat(list(filled.values()), dim=1)

    def auxiliary_losses(
        self, logits: dict[str, Tensor], target: Tensor, name: str
    ) -> dict[str, Tensor]:
        """Losses of the uni-modal logits, by default none.

        Args:
            logits: What :meth:`unimodal_logits` gives.
            target: (N,) int64 classes.
            name: Name of the loss of the fused logits.

        Returns:
            ``<name>.<modality>`` -> scalar.
        """
        return {}


def build_classifier(
    name: str, cfg: dict, in_channels: dict[str, int], num_classes: int
) -> nn.Module:
    """Build a :class:`Classifier` from its config.

    Args:
        name: Argument that holds the config.
        cfg: Config; without a ``type`` that of a
            :class:`~mmgmp.models.FusionClassifier`.
        in_channels: Modality -> width D_m of its features.
        num_classes: Number of classes K.

    Raises:
        ValueError: The config has the widths or the number of classes, too.
    """
    return build_part(
        name,
        {'type': 'FusionClassifier', **cfg},
        in_channels=in_channels,
        num_classes=num_classes,
    )
