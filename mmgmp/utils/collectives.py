# Copyright (c) mmgmp authors.
"""Collective operations on the tensors of all ranks."""

import struct
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import chain
from typing import NoReturn

import torch
import torch.nn.functional as F
from mmengine.dist import (
    all_gather,
    all_gather_object,
    all_reduce,
    all_reduce_params,
    get_rank,
    get_world_size,
)
from torch import Tensor

# What must be the same on all ranks -> its parts.
Facts = Mapping[str, Sequence[str]]
ENTRIES = 'entries of the loss dict'
# Words of 16 bits in the digest of the facts.
WORDS = 4
# The length of a message is a multiple of this.
MESSAGE = 512


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


def average_scalars(
    scalars: dict[str, Tensor],
    counts: Mapping[str, int] | None = None,
    facts: Facts | None = None,
    failure: Exception | None = None,
) -> None:
    """Replace each sum with the mean of its values on all ranks, in place.

    The same reduction finds out whether the ranks agree, so that they stop
    together instead of waiting for each other.

    Args:
        scalars: Name -> sum; the same names on all ranks.
        counts: Name -> number of values in the sum; None means 1.
        facts: What else must be the same on all ranks.
        failure: Why this rank cannot go on.

    Raises:
        RuntimeError: On all ranks: the names or facts differ, or another rank
            has failed.
        Exception: ``failure`` of this rank.
    """
    names = sorted(scalars)
    numbers = [1 if counts is None else counts[name] for name in names]
    if get_world_size() == 1:
        if failure is not None:
            raise failure
        for name, number in zip(names, numbers):
            scalars[name] = scalars[name] / number
        return
    facts = {ENTRIES: names, **(facts or {})}
    # A value that is only logged may be on the CPU.
    devices = [x.device for x in scalars.values()]
    device = max(devices, key=lambda d: d.type != 'cpu', default=None)
    values = [scalars[name].double().to(device)[None] for name in names]
    totals = _sum_if_agreed(
        [torch.tensor(numbers, dtype=torch.float64, device=device), *values],
        facts,
        failure,
    )
    sums, total_numbers = totals[len(names) :], totals[: len(names)]
    scalars.update(zip(names, sums / total_numbers))


def check_agreement(facts: Facts) -> None:
    """Stop all ranks if something differs that must be the same.

    Args:
        facts: What it is -> its parts.

    Raises:
        RuntimeError: On all ranks: parts differ. The message names them.
    """
    if get_world_size() > 1:
        _sum_if_agreed([], facts, None)


def _sum_if_agreed(
    values: Sequence[Tensor], facts: Facts, failure: Exception | None
) -> Tensor:
    """Add vectors over the ranks, whose lengths may differ by mistake."""
    text = repr((list(facts.items()), None if failure is None else get_rank()))
    digest = blake2b(text.encode(), digest_size=2 * WORDS).digest()
    words = struct.unpack(f'{WORDS}H', digest)
    device = values[0].device if values else None
    message = torch.cat(
        [
            torch.tensor(
                [*words, *(word**2 for word in words)],
                dtype=torch.float64,
                device=device,
            ),
            *values,
        ]
    )
    length = len(message)
    # The messages of different facts must have one length.
    message = F.pad(message, (0, -length % MESSAGE))
    all_reduce(message, op='sum')
    head = message[: 2 * WORDS].tolist()
    world = get_world_size()
    # Numbers are equal if and only if their variance is 0. Words of 16 bits
    # keep all of this exact.
    if any(
        world * square != total**2
        for total, square in zip(head[:WORDS], head[WORDS:])
    ):
        _raise_difference(facts, failure)
    return message[2 * WORDS : length]


def _raise_difference(facts: Facts, failure: Exception | None) -> NoReturn:
    """Say on all ranks what differs between them."""
    reason = None
    if failure is not None:
        text = ' '.join(map(str, failure.args))
        reason = f'{type(failure).__name__}: {text}'
    reports = all_gather_object((reason, {k: [*v] for k, v in facts.items()}))
    if failure is not None:
        raise failure
    for rank, (reason, _) in enumerate(reports):
        if reason is not None:
            raise RuntimeError(f'rank {rank} has failed: {reason}')
    differences = []
    for what in facts:
        lists = [found[what] for _, found in reports]
        if all(parts == lists[0] for parts in lists):
            continue
        absent = {
            part: [r for r, parts in enumerate(lists) if part not in parts]
            for part in dict.fromkeys(chain(*lists))
        }
        named = [
            f'{part!r} is not on rank {", ".join(map(str, ranks))}'
            for part, ranks in absent.items()
            if ranks
        ]
        if what == ENTRIES:
            named.append('a value that is only logged may be NaN')
        if len(named) > 5:
            named[5:] = [f'and {len(named) - 5} more']
        found = '; '.join(named) or 'another order'
        differences.append(f'the {what}, which must be the same: {found}')
    raise RuntimeError(f'the ranks differ in {"; and in ".join(differences)}')


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
