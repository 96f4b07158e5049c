# Copyright (c) mmgmp authors.
from typing import NamedTuple

import torch
from mmaction.registry import MODELS
from mmengine.dist import all_reduce
from torch import Tensor, nn

from mmgmp.utils.min_norm import (
    inverse_norm_weights,
    min_norm_weights,
    off_diagonal_ratio,
)

from .coral import coral_with_gramian
from .coral_loss import check_scale, loss_scale
from .covariance import zero_loss
from .gather_rows import gather_rows

BALANCES = ('closed_form', 'qp', 'equal')
FUSED = 'fused'


class BalancedCoral(NamedTuple):
    """What :class:`BalancedCoralLoss` returns.

    Attributes:
        loss: Scalar; the only one with a graph.
        gamma: Block -> weight, scalars with sum 1.
        ratio: r of :func:`off_diagonal_ratio`, scalar.
        block_losses: Block -> its loss before the weight, scalars.
    """

    loss: Tensor
    gamma: dict[str, Tensor]
    ratio: Tensor
    block_losses: dict[str, Tensor]


@MODELS.register_module()
class BalancedCoralLoss(nn.Module):
    r"""CORAL of each modality and of all together, weighted by MGDA.

    The alignment :math:`\sum_{b=1}^{M+1} \gamma_b L_b` of `Boomda
    <https://arxiv.org/abs/2511.08152>`_, with :math:`L_b = c_b \lVert C^t_b -
    C^s_b \rVert_F^2` for the M modalities and for the concatenation of their
    features, the block ``'fused'``. The weights minimize
    :math:`\gamma' Q \gamma` over the simplex for the Gramian Q of the
    gradients in the features; they are constants to the backward pass. Q is
    computed with the losses (:func:`coral_with_gramian`).

    The scale decides what is balanced: unscaled, the loss of the
    concatenation holds those of all modalities, and the exact weights leave
    it out of nearly every step.

    Under DDP the covariances are those of all ranks' rows (see
    :func:`gather_rows`), so that losses, weights and gradients are those of
    one process with the joined batch. Q is the Gramian of the joined batch,
    not the mean of Gramians of the ranks' own batches. Each rank computes it;
    the mean over ranks that is then taken only removes their differences in
    rounding, and makes the weights the same bit for bit.

    Args:
        balance: ``'closed_form'`` (Theorem 1: Q as if it were diagonal),
            ``'qp'`` (exact, for at most 5 blocks) or ``'equal'``
            (:math:`1 / B` each, for comparison).
        scale: :math:`c_b`: ``'none'`` for 1 (eq. 10), ``'dim'`` for
            :math:`1 / 4 d_b^2`.
        center: False aligns :math:`C + \mu\mu'`, that is the means too.
        use_fused_block: Whether the concatenation is a block.

    Raises:
        ValueError: An unknown ``balance`` or ``scale``.
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
        """Loss of a batch.

        Args:
            source: Modality -> (N_s, d_m), in the same order on all ranks.
            target: The same modalities -> (N_t, d_m).

        Returns:
            The loss and what is to be logged; float32 or float64 also under
            autocast. Where a domain has fewer than two rows the losses and
            the ratio are 0, the weights equal.

        Raises:
            ValueError: Other modalities in ``target`` than in ``source``, one
                that is called ``'fused'``, or too many for ``'qp'``.
        """
        names = self._block_names(source, target)
        widths = [x.shape[1] for x in source.values()]
        rows = gather_rows(
            torch.cat(list(source.values()), dim=1),
            torch.cat([target[m] for m in source], dim=1),
        )
        if min(map(len, rows)) < 2:
            losses = zero_loss(*rows).expand(len(names))
            gramian = losses.new_zeros(len(names), len(names))
        else:
            losses, gramian = coral_with_gramian(
                *(x.split(widths, dim=1) for x in rows),
                center=self.center,
                fused=self.use_fused_block,
            )
        if self.use_fused_block:
            widths.append(sum(widths))
        scales = [loss_scale(self.scale, width) for width in widths]
        losses = losses * losses.new_tensor(scales)
        scales = gramian.new_tensor(scales)
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

    def _block_names(self, source, target) -> list[str]:
        if source.keys() != target.keys():
            raise ValueError(
                '`source` and `target` must have the same modalities, got '
                f'{list(source)} and {list(target)}'
            )
        if FUSED in source:
            raise ValueError(
                f'A modality must not be called {FUSED!r}, the name of the '
                'concatenation; got ' + str(list(source))
            )
        return [*source, FUSED] if self.use_fused_block else list(source)
