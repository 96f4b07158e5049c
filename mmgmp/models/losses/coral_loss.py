# Copyright (c) mmgmp authors.
from mmaction.registry import MODELS
from torch import Tensor, nn

from .coral import coral
from .covariance import zero_loss
from .gather_rows import gather_rows

SCALES = ('none', 'dim')


def check_scale(scale: str) -> None:
    """Check the argument that the CORAL losses share.

    Args:
        scale: One of :data:`SCALES`.

    Raises:
        ValueError: Anything else.
    """
    if scale not in SCALES:
        raise ValueError(f'`scale` must be one of {SCALES}, got {scale!r}')


def loss_scale(scale: str, width: int) -> float:
    """Factor of the loss of a block of features.

    Args:
        scale: ``'none'`` for 1, ``'dim'`` for :math:`1 / 4d^2`.
        width: d, width of the block.
    """
    return 1.0 if scale == 'none' else 1 / (4 * width**2)


@MODELS.register_module()
class CoralLoss(nn.Module):
    r"""Distance of the covariances of source and target features.

    :math:`\lVert C^t - C^s \rVert_F^2`, in `Deep CORAL
    <https://arxiv.org/abs/1607.01719>`_ over :math:`4d^2`. Under DDP the
    covariances are those of all ranks' rows.

    Args:
        scale: ``'none'``, or ``'dim'`` for the factor :math:`1 / 4d^2`.
        center: False aligns :math:`C + \mu\mu'`, that is the means too.

    Raises:
        ValueError: An unknown ``scale``.
    """

    def __init__(self, scale: str = 'none', center: bool = True) -> None:
        super().__init__()
        check_scale(scale)
        self.scale = scale
        self.center = center

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Loss of a batch.

        Args:
            source: (N_s, d).
            target: (N_t, d).

        Returns:
            Scalar, float32 or float64 also under autocast. 0, with a graph,
            where a domain has fewer than two rows.
        """
        source, target = gather_rows(source, target)
        if min(len(source), len(target)) < 2:
            return zero_loss(source, target)
        scale = loss_scale(self.scale, source.shape[1])
        return scale * coral(source, target, self.center)
