# Copyright (c) mmgmp authors.
from abc import abstractmethod

from mmengine.model import BaseModule
from torch import Tensor


class Fusion(BaseModule):
    """Base class of modules that fuse the features of all modalities.

    An absent modality counts as zeros, see :func:`fill_absent`.

    Args:
        in_channels: Modality -> width D_m of its features.

    Attributes:
        out_channels: Width D of the fused features, set by the subclass.
    """

    out_channels: int

    def __init__(self, in_channels: dict[str, int]) -> None:
        super().__init__()
        self.in_channels = dict(in_channels)

    @abstractmethod
    def forward(self, features: dict[str, Tensor]) -> Tensor:
        """Fuse the features.

        Args:
            features: Modality -> (N, D_m); at least one modality.

        Returns:
            (N, D).
        """


def fill_absent(
    features: dict[str, Tensor], in_channels: dict[str, int]
) -> dict[str, Tensor]:
    """Replace absent modalities with zeros.

    Args:
        features: Modality -> (N, D_m); at least one modality.
        in_channels: Modality -> D_m of all modalities.

    Returns:
        Modality -> (N, D_m), in the order of ``in_channels``.

    Example:
        >>> import torch
        >>> fill_absent(dict(audio=torch.ones(1, 2)), dict(video=1, audio=2))
        {'video': tensor([[0.]]), 'audio': tensor([[1., 1.]])}
    """
    some = next(iter(features.values()))
    return {
        m: features[m] if m in features else some.new_zeros(len(some), width)
        for m, width in in_channels.items()
    }
