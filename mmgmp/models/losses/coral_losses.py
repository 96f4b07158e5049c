# Copyright (c) mmgmp authors.
from typing import NamedTuple

import torch
from mmaction.registry import MODELS
from mmengine.dist import all_reduce
from torch import Tensor, nn

from mmgmp.utils.collectives import gather_rows
from mmgmp.utils.min_norm import (
    inverse_norm_weights,
    min_norm_weights,
    off_diagonal_ratio,
)

from .coral import coral, coral_with_gramian, zero_loss

SCALES = ('none', 'dim')
BALANCES = ('closed_form', 'qp', 'equal')
FUSED = 'fused'


def check_scale(scale: str) -> None:
    """Check the ``scale`` of a CORAL loss.

    Raises:
        ValueError: ``scale`` is not one of :data:`SCALES`.
    """
    if scale not in SCALES:
        raise ValueError(f'`scale` must be one of {SCALES}, got {scale!r}')


def loss_scale(scale: str, width: int) -> float:
    """Compute the factor of the loss of a block of features.

    Args:
        scale: ``'none'`` for 1, ``'dim'`` for :math:`1 / 4d^2`.
        width: Width d of the block.
    """
    return 1.0 if scale == 'none' else 1 / (4 * width**2)


@MODELS.register_module()
class CoralLoss(nn.Module):
    r"""Distance of the covariances of source and target features.

    :math:`\lVert C^t - C^s \rVert_F^2`, which `Deep CORAL
    <https://arxiv.org/abs/1607.01719>`_ divides by :math:`4d^2`. Under DDP
    the covariances are computed from the rows of all ranks.

    Args:
        scale: ``'none'``, or ``'dim'`` for the factor :math:`1 / 4d^2`.
        center: False aligns :math:`C + \mu\mu'`, which includes the means.

    Raises:
        ValueError: ``scale`` is unknown.
    """

    def __init__(self, scale: str = 'none', center: bool = True) -> None:
        super().__init__()
        check_scale(scale)
        self.scale = scale
        self.center = center

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Compute the loss of a batch.

        Args:
            source: (N_s, d).
            target: (N_t, d).

        Returns:
            Scalar, float32 or float64 even under autocast. 0, with a graph,
            if a domain has fewer than two rows.
        """
        source, target = gather_rows(source, target)
        if min(len(source), len(target)) < 2:
            return zero_loss(source, target)
        scale = loss_scale(self.scale, source.shape[1])
        return scale * coral(source, target, self.center)


class BalancedCoral(NamedTuple):
    """Output of :class:`BalancedCoralLoss`.

    Attributes:
        loss: Scalar; the only value with a graph.
        gamma: Block -> weight, scalars with sum 1.
        ratio: r of :func:`off_diagonal_ratio`, scalar.
        block_losses: Block -> unweighted loss, scalars.
    """

    loss: Tensor
    gamma: dict[str, Tensor]
    ratio: Tensor
    block_losses: dict[str, Tensor]


@MODELS.register_module()
class BalancedCoralLoss(nn.Module):
    r"""CORAL of each modality and of their concatenation, weighted by MGDA.

    The alignment :math:`\sum_{b=1}^{M+1} \gamma_b L_b` of `Boomda
    <https://arxiv.org/abs/2511.08152>`_, with :math:`L_b = c_b \lVert C^t_b -
    C^s_b \rVert_F^2` for the M modalities and for the concatenation of their
    features, the block ``'fused'``. The weights minimize
    :math:`\gamma' Q \gamma` over the simplex, where Q is the Gramian of the
    gradients in the features. The backward pass treats them as constants. Q
    is computed with the losses (:func:`coral_with_gramian`).

    The scale matters for the balance: without it, the loss of the
    concatenation contains those of all modalities, and the exact weights drop
    it in nearly every step.

    Under DDP the covariances are computed from the rows of all ranks (see
    :func:`gather_rows`), so losses, weights and gradients equal those of one
    process with the joined batch. Q is the Gramian of the joined batch, not
    the mean of the Gramians of each rank's own batch. Each rank computes it.
    The mean over ranks only removes differences in rounding, so that all
    ranks have bitwise equal weights.

    Args:
        balance: ``'closed_form'`` (Theorem 1: Q as if it were diagonal),
            ``'qp'`` (exact, for at most 5 blocks) or ``'equal'``
            (:math:`1 / B` each, for comparison).
        scale: :math:`c_b`: ``'none'`` for 1 (eq. 10), ``'dim'`` for
            :math:`1 / 4 d_b^2`.
        center: False aligns :math:`C + \mu\mu'`, which includes the means.
        use_fused_block: Whether the concatenation is a block.

    Raises:
        ValueError: ``balance`` or ``scale`` is unknown.
    """

    def __init__(
        self,
        balance: str = 'closed_form',
        scale: str = 'none',
        center: bool = True,
        use_fused_block: bool = True,
    ) -> None:
        super().__init__()
        if balance not in BALANCES:
            raise ValueError(
                f'`balance` must be one of {BALANCES}, got {balance!r}'
            )
        check_scale(scale)
        self.balance = balance
        self.scale = scale
        self.center = center
        self.use_fused_block = use_fused_block

    def forward(
        self, source: dict[str, Tensor], target: dict[str, Tensor]
    ) -> BalancedCoral:
        """Compute the loss of a batch.

        Args:
            source: Modality -> (N_s, d_m), in the same order on all ranks.
            target: The same modalities -> (N_t, d_m).

        Returns:
            The loss and the values to log, float32 or float64 even under
            autocast. If a domain has fewer than two rows, the losses and the
            ratio are 0, and the weights are equal.

        Raises:
            ValueError: ``target`` and ``source`` have different modalities,
                one of them is called ``'fused'``, or there are too many for
                ``'qp'``.
        """
        names = self._block_names(source, target)
        widths = [x.shape[1] for x in source.values()]
        source_rows, target_rows = gather_rows(
            torch.cat(list(source.values()), dim=1),
            torch.cat([target[m] for m in source], dim=1),
        )
        if min(len(source_rows), len(target_rows)) < 2:
            losses = zero_loss(source_rows, target_rows).expand(len(names))
            gramian = losses.new_zeros(len(names), len(names))
        else:
            losses, gramian = coral_with_gramian(
                source_rows.split(widths, dim=1),
                target_rows.split(widths, dim=1),
                center=self.center,
                fused=self.use_fused_block,
            )
        if self.use_fused_block:
            widths.append(sum(widths))
        factors = [loss_scale(self.scale, width) for width in widths]
        losses = losses * losses.new_tensor(factors)
        scales = gramian.new_tensor(factors)
        gramian = gramian * scales * scales[:, None]
        all_reduce(gramian, op='mean')
        gamma = self._weights(gramian).to(losses.dtype)
        return BalancedCoral(
            loss=(gamma * losses).sum(),
            gamma=dict(zip(names, gamma)),
            ratio=off_diagonal_ratio(gramian).to(losses.dtype),
            block_losses=dict(zip(names, losses.detach())),
        )

    def _weights(self, gramian: Tensor) -> Tensor:
        if self.balance == 'equal':
            return torch.full_like(gramian[0], 1 / len(gramian))
        if self.balance == 'qp':
            return min_norm_weights(gramian)
        return inverse_norm_weights(gramian.diagonal())

    def _block_names(
        self, source: dict[str, Tensor], target: dict[str, Tensor]
    ) -> list[str]:
        if source.keys() != target.keys():
            raise ValueError(
                '`source` and `target` must have the same modalities, got '
                f'{list(source)} and {list(target)}'
            )
        if FUSED in source:
            raise ValueError(
                f'a modality must not be called {FUSED!r}, the name of the '
                'concatenation; got ' + str(list(source))
            )
        return [*source, FUSED] if self.use_fused_block else list(source)
