# Copyright (c) mmgmp authors.
import torch
from torch import Tensor


class _GradientReversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: float) -> Tensor:
        ctx.weight = weight
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        return -ctx.weight * gradient, None


def gradient_reversal(x: Tensor, weight: float) -> Tensor:
    """Identity whose gradient is multiplied by ``-weight``.

    Gradient reversal layer of `DANN <https://arxiv.org/abs/1505.07818>`_.

    Args:
        x: Any shape.
        weight: Strength of the reversal, at least 0.

    Returns:
        ``x``, same shape.
    """
    return _GradientReversal.apply(x, weight)
