# Copyright (c) mmgmp authors.
import torch
from torch import Tensor

from mmgmp.registry import WEIGHTINGS

from .weighting import GramianWeighting


def pcgrad_weights(gramian: Tensor) -> Tensor:
    r"""Compute the weights of the sum of mutually projected gradients.

    Algorithm 1 of `Gradient Surgery for Multi-Task Learning
    <https://arxiv.org/abs/2001.06782>`_: each gradient is projected onto the
    orthogonal complement of every other gradient with which it conflicts, one
    after the other in random order, and the results are added. For two tasks
    :math:`w_t = 1 + \max(0, -G_{12}) / G_{tt}`.

    Args:
        gramian: (T, T) positive semi-definite.

    Returns:
        (T,), each at least 1. With three or more tasks, the weights depend on
        the order, which is drawn from torch's CPU generator.

    Example:
        >>> pcgrad_weights(torch.tensor([[1.0, -1.0], [-1.0, 4.0]]))
        tensor([2.0000, 1.2500])
    """
    size = len(gramian)
    projected = torch.eye(size, dtype=gramian.dtype)
    for index, row in enumerate(projected):
        for other in torch.randperm(size).tolist():
            inner = gramian[other] @ row
            # If the square is 0, only rounding can make `inner` negative.
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
