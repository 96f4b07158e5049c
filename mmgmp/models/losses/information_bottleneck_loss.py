# Copyright (c) mmgmp authors.
import torch
from mmaction.registry import MODELS
from torch import Tensor, nn

from mmgmp.utils.collectives import gather_rows
from mmgmp.utils.numbers import check_number

from .coral import full_precision, zero_loss

VARIANCE_FLOOR = 1e-5


def gaussian_entropy(x: Tensor) -> Tensor:
    r"""Compute the entropy of independent Gaussians, up to a constant.

    :math:`\frac{1}{2} \sum_j \log(\mathrm{var}_j + 10^{-5})` with unbiased
    variances over the rows. The floor keeps the value and the gradient of a
    constant (dead) feature finite, and bounds the reward of a collapse.

    Args:
        x: (n, d) with n at least 2.

    Returns:
        Scalar, float32 or float64 even under autocast.
    """
    variances = full_precision(x).var(dim=0)
    return 0.5 * (variances + VARIANCE_FLOOR).log().sum()


@MODELS.register_module()
class InformationBottleneckLoss(nn.Module):
    r"""Entropy of the source features; minimizing it compresses them.

    The term :math:`\frac{\beta}{2} \sum_{b=1}^{M+1} \log |\Sigma_b|` of
    `Boomda <https://arxiv.org/abs/2511.08152>`_ with diagonal
    :math:`\Sigma`. The prediction term of the bottleneck is the cross-entropy
    of the M+1 classifiers. The entropy of the concatenation, block M+1, is
    the sum over the modalities, so the term equals
    :math:`2 \beta \sum_{m=1}^{M} H(Z_m)` (:func:`gaussian_entropy`). Under
    DDP the variances are computed from the rows of all ranks.

    Args:
        beta: :math:`\beta`, at least 0.

    Raises:
        ValueError: ``beta`` is negative.
    """

    def __init__(self, beta: float = 5e-4) -> None:
        super().__init__()
        check_number('beta', beta)
        self.beta = beta

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        """Compute the loss of a batch.

        Args:
            features: Modality -> (N_s, d_m) of the source samples.

        Returns:
            Scalar, float32 or float64 even under autocast. It is negative if
            the variances are small, and 0, with a graph, for fewer than two
            rows.
        """
        (rows,) = gather_rows(torch.cat(list(features.values()), dim=1))
        if len(rows) < 2:
            return zero_loss(rows)
        return 2 * self.beta * gaussian_entropy(rows)
