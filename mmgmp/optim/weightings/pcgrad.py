# Copyright (c) mmgmp authors.
import torch
from torch import Tensor

from mmgmp.registry import WEIGHTINGS

from .weighting import GramianWeighting


def pcgrad_weights(gramian: Tensor) -> Tensor:
    r"""Weights of the sum of mutually projected gradients.

    Algorithm 1 of `Gradient Surgery for Multi-Task Learning
    <https://arxiv.org/abs/2001.06782>`_: each gradient is projected on the
    orthogonal complement of every other one that it conflicts with, one after
    the other in random order, and the results are added. For two tasks
    :math:`w_t = 1 + \max(0, -G_{12}) / G_{tt}`.

    Args:
        gramian: (T, T) positive semi-definite.

    Returns:
        (T,), each at least 1. With three tasks or more they depend on the
        order, which torch's CPU generator draws.
    """
    size = len(gramian)
    projected = torch.eye(size, dtype=gramian.dtype)
    for index, row in enumerate(projected):
        for other in torch.randperm(size).tolist():
            inner = gramian[other] @ row
            # Not above 0 only where nothing but rounding is below 0.
            square = gramian[other, other]
            if other != index and inner < 0 < square:
                row[other] -= inner / square
    return projected.sum(dim=0)


@WEIGHTINGS.register_module(name='PCGrad')
class PCGradWeighting(GramianWeighting):
    """PCGrad, see :func:`pcgrad_weights`."""

    def weigh(self, gramian: Tensor, modality: str) -> Tensor:
        """See :class:`GramianWeighting`."""
        return pcgrad_weights(gramian)
