# Copyright (c) mmgmp authors.
import torch
from mmaction.registry import MODELS
from torch import Tensor

from .fusion import Fusion, fill_absent


@MODELS.register_module()
class ConcatFusion(Fusion):
    """Concatenate the features of all modalities.

    Args:
        in_channels: Modality -> width D_m of its features, in the order of
            the concatenation.

    Example:
        >>> fusion = ConcatFusion(dict(video=2, audio=1))
        >>> fusion(dict(video=torch.ones(1, 2)))
        tensor([[1., 1., 0.]])
    """

    def __init__(self, in_channels: dict[str, int]) -> None:
        super().__init__(in_channels)
        self.out_channels = sum(in_channels.values())

    @property
    def spans(self) -> dict[str, slice]:
        """Modality -> columns of its features in the output."""
        spans, start = {}, 0
        for modality, width in self.in_channels.items():
            spans[modality] = slice(start, start + width)
            start += width
        return spans

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        """Concatenate.

        Args:
            features: Modality -> (N, D_m); at least one modality.

        Returns:
            (N, sum_m D_m).
        """
        filled = fill_absent(features, self.in_channels)
        return torch.cat(list(filled.values()), dim=1)
