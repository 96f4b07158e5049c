# Copyright (c) mmgmp authors.
import torch
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor


@MODELS.register_module()
class ConcatFusion(BaseModule):
    """Concatenate the features of all modalities.

    A modality that is absent from the features counts as zeros.

    Args:
        in_channels: Modality -> width D_m of its features. The order is that
            of the concatenation.
    """

    def __init__(self, in_channels: dict[str, int]) -> None:
        super().__init__()
        self.in_channels = dict(in_channels)
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
        """Fuse.

        Args:
            features: Modality -> (N, D_m); at least one modality.

        Returns:
            (N, sum_m D_m).
        """
        some = next(iter(features.values()))
        return torch.cat(
            [
                features[m] if m in features else some.new_zeros(len(some), d)
                for m, d in self.in_channels.items()
            ],
            dim=1,
        )
