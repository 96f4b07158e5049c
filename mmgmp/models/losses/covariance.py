# Copyright (c) mmgmp authors.
import torch
from torch import Tensor


def full_precision(x: Tensor) -> Tensor:
    """``x`` in float32, or as it is where it is float64."""
    return x if x.dtype == torch.float64 else x.float()


def covariance_root(x: Tensor, center: bool = True) -> Tensor:
    r"""Root :math:`A` of a batch's covariance, :math:`A'A = C`.

    With the mean :math:`\mu` and the centred rows :math:`Z_c = Z - 1 \mu'`:

    .. math::
        A = Z_c / \sqrt{n - 1}
        \quad\text{or, uncentred,}\quad
        A = Z_c / \sqrt{n - 1} + 1 \mu' / \sqrt{n},
        \quad A'A = C + \mu \mu'

    Either is :math:`SZ` for a symmetric :math:`S`, so that the gradient of
    any function of :math:`A'A` is :math:`S` times its gradient in :math:`A`.
    The mean is taken off the rows: the one-pass :math:`Z'Z - n \mu\mu'`
    cancels in float32.

    Args:
        x: :math:`Z`, (n, d) with n at least 2.
        center: False for the root of :math:`C + \mu \mu'`.

    Returns:
        :math:`A`, (n, d).
    """
    mean = x.mean(dim=0, keepdim=True)
    root = (x - mean) / (len(x) - 1) ** 0.5
    return root if center else root + mean / len(x) ** 0.5


def zero_loss(*features: Tensor) -> Tensor:
    """Zero with a graph: the loss of a batch that has no statistics.

    Args:
        features: Tensors of any shape and content, infinite ones included.

    Returns:
        Scalar 0, whose gradient in each of ``features`` is 0.
    """
    return sum(full_precision(x[:0]).sum() for x in features)
