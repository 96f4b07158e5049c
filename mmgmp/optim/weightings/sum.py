# Copyright (c) mmgmp authors.
import torch
from torch import Tensor

from mmgmp.registry import WEIGHTINGS

from .weighting import GramianWeighting


@WEIGHTINGS.register_module(name='Sum')
class SumWeighting(GramianWeighting):
    """All weights 1: what descending the sum of the losses does."""

    def weigh(self, gramian: Tensor, modality: str) -> Tensor:
        """See :class:`GramianWeighting`."""
        return torch.ones(len(gramian), dtype=gramian.dtype)
