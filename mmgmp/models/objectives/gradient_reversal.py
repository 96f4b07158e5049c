# Copyright (c) mmgmp authors.
import torch
from torch import Tensor

from mmgmp.utils.numbers import check_number


class _GradientReversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: float) -> Tensor:
        ctx.weight = weight
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        return -ctx.weight * gradient, None


def gradient_reversal(x: Tensor, weight: float) -> Tensor:
    """Return the input unchanged, and multiply its gradient by ``-weight``.

    Gradient reversal layer of `DANN <https://arxiv.org/abs/1505.07818>`_.

    Args:
        x: Any shape.
        weight: Strength of the reversal, at least 0.

    Returns:
        ``x``, same shape.

    Example:
        >>> x = torch.tensor(2.0, requires_grad=True)
        >>> gradient_reversal(x, 0.5).backward()
        >>> x.grad
        tensor(-0.5000)
    """
    return _GradientReversal.apply(x, weight)


def check_adversary(num_domains: int | None, reversal_weight: float) -> int:
    """Check the common arguments of domain adversaries.

    Args:
        num_domains: Number of source domains.
        reversal_weight: Strength of the reversal.

    Returns:
        Number of source domains.

    Raises:
        ValueError: There are fewer than two domains, or the strength is
            negative.
    """
    if num_domains is None or num_domains < 2:
        raise ValueError(
            'a domain adversary discriminates source domains, but '
            f'`num_domains` of the recognizer is {num_domains}: train on at '
            'least 2 source domains (`--sources` of tools/train.py) and set '
            'their number, or remove the adversary from `objectives`'
        )
    check_number('reversal_weight', reversal_weight)
    return num_domains
