# Copyright (c) mmgmp authors.
import torch
import torch.nn.functional as F
from mmengine.dist import all_gather, get_rank, get_world_size
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

    For losses of statistics of the batch, which are not means over samples.
    Every rank computes the loss of the joined batch. The gradient of a rank's
    own rows is that of the joined loss times the number of ranks, so that the
    mean over ranks which DDP takes is the gradient of one process. That holds
    where all ranks take the same loss with the same weight, and spares a
    collective in the backward pass.

    Args:
        matrices: Tensors (n_i, D) with one D and dtype. The numbers of rows
            may differ between tensors and between ranks, and be 0.

    Returns:
        One (sum of n_i over ranks, D) per argument, rows in order of rank;
        the arguments themselves without ranks.
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
