# Copyright (c) mmgmp authors.
"""Collective operations on the tensors of all ranks."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.dist import (
    all_gather,
    all_reduce,
    all_reduce_params,
    get_rank,
    get_world_size,
)
from torch import Tensor


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows: Tensor, counts: list[int]) -> Tensor:
        rank = get_rank()
        ctx.first = sum(counts[:rank])
        ctx.last = ctx.first + counts[rank]
        padded = F.pad(rows, (0, 0, 0, max(counts) - len(rows)))
        gathered = all_gather(padded)
        return torch.cat([g[:n] for g, n in zip(gathered, counts)])

    @staticmethod
    def backward(ctx, gradient: Tensor):
        return gradient[ctx.first : ctx.last] * get_world_size(), None


def gather_rows(*matrices: Tensor) -> tuple[Tensor, ...]:
    """Join the rows of all ranks, as if one process had the whole batch.

    This is for losses of batch statistics, which are not means over samples.
    Every rank computes the loss of the joined batch. The gradient of a rank's
    own rows is multiplied by the number of ranks, so the mean that DDP takes
    over the ranks equals the gradient of one process. This requires that all
    ranks compute the same loss with the same weight, and it saves a collective
    operation in the backward pass.

    Args:
        matrices: Tensors (n_i, D) with one D and dtype. The numbers of rows
            may differ between tensors and between ranks, and may be 0.

    Returns:
        One (sum of n_i over ranks, D) per argument, rows in order of rank.
        Without distributed training, the arguments themselves.
    """
    if get_world_size() == 1:
        return matrices
    rows = torch.cat(matrices)
    own = torch.tensor([len(x) for x in matrices], device=rows.device)
    counts = torch.stack(all_gather(own)).tolist()
    joined = _GatherRows.apply(rows, [sum(c) for c in counts])
    pieces = joined.split([n for c in counts for n in c])
    return tuple(
        torch.cat(pieces[i :: len(matrices)]) for i in range(len(matrices))
    )


def average_scalars(scalars: dict[str, Tensor]) -> None:
    """Replace each scalar with its mean over the ranks, in place.

    Args:
        scalars: Name -> scalar; the same names on all ranks.
    """
    if get_world_size() == 1:
        return
    names = sorted(scalars)
    means = torch.stack([scalars[name].double() for name in names])
    all_reduce(means, op='mean')
    scalars.update(zip(names, means))


def average_gradients(
    gradients: list[Tensor | None], params: Sequence[Tensor]
) -> list[Tensor | None]:
    """Average gradients over the ranks in one flat reduction.

    A parameter that the batch of this rank did not reach still takes part in
    the mean: None becomes zero if any rank has a gradient.

    Args:
        gradients: Gradient of each parameter, changed in place.
        params: The parameters, in the same order on all ranks.

    Returns:
        The means; None where no rank has a gradient.
    """
    if get_world_size() == 1:
        return gradients
    present = torch.tensor(
        [g is not None for g in gradients],
        dtype=torch.uint8,
        device=params[0].device,
    )
    all_reduce(present, op='max')
    gradients = [
        torch.zeros_like(param) if gradient is None and somewhere else gradient
        for gradient, param, somewhere in zip(
            gradients, params, present.tolist()
        )
    ]
    all_reduce_params([g for g in gradients if g is not None], op='mean')
    return gradients
