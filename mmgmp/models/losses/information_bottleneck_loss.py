# Copyright (c) mmgmp authors.
import torch
from mmaction.registry import MODELS
from torch import Tensor, nn

from .covariance import zero_loss
from .entropy import gaussian_entropy
from .gather_rows import gather_rows


@MODELS.register_module()
class InformationBottleneckLoss(nn.Module):
    r"""Entropy of the source features, the compression that is rewarded.

    The term :math:`\frac{\beta}{2} \sum_{b=1}^{M+1} \log |\Sigma_b|` of
    `Boomda <https://arxiv.org/abs/2511.08152>`_ with diagonal
    :math:`\Sigma`; the prediction term of the bottleneck is the cross-entropy
    of the M+1 classifiers. The concatenation, block M+1, has the sum of the
    modalities' entropies, so that the term is
    :math:`2 \beta \sum_{m=1}^{M} H(Z_m)` (:func:`gaussian_entropy`). Under
    DDP the variances are those of all ranks' rows.

    Args:
        beta: :math:`\beta`, at least 0.

    Raises:
        ValueError: A negative ``beta``.
    """

    def __init__(self, beta: float = 5e-4) -> None:
        super().__init__()
        if beta < 0:
            raise ValueError(f'`beta` must be at least 0, got {beta}')
        self.beta = beta

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        """Loss of a batch.

        Args:
            features: Modality -> (N_s, d_m) of the source samples.

        Returns:
            Scalar, float32 or float64 also under autocast; negative where
            variances are small. 0, with a graph, for fewer than two rows.
        """
        (rows,) = gather_rows(torch.cat(list(features.values()), dim=1))
        if len(rows) < 2:
            return zero_loss(rows)
        return 2 * self.beta * gaussian_entropy(rows)
