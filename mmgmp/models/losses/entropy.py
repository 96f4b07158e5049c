# Copyright (c) mmgmp authors.
from torch import Tensor

from .covariance import full_precision

VARIANCE_FLOOR = 1e-5


def gaussian_entropy(x: Tensor) -> Tensor:
    r"""Entropy of features as independent Gaussians, up to a constant.

    :math:`\frac{1}{2} \sum_j \log(\mathrm{var}_j + 10^{-5})`, unbiased
    variances over the rows. The floor keeps the value and the gradient of a
    constant (dead) feature finite, and bounds the reward of a collapse.

    Args:
        x: (n, d) with n at least 2.

    Returns:
        Scalar, float32 or float64 also under autocast.
    """
    variances = full_precision(x).var(dim=0)
    return 0.5 * (variances + VARIANCE_FLOOR).log().sum()
