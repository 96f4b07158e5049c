# Copyright (c) mmgmp authors.
"""Pure functions on task gradients."""

from collections.abc import Sequence

import torch
from torch import Tensor

# The gradient of one task at a list of parameters; None where the task does
# not depend on the parameter.
Gradients = list[Tensor | None]


def accumulate(
    total: Gradients, update: Sequence[Tensor | None], start: int = 0
) -> None:
    """Add ``update`` to ``total[start:]`` in place; None stands for zero.

    Args:
        total: Gradients, each of which has its memory for itself.
        update: Gradients of one backward pass, whose memory is taken over.
        start: Where in ``total`` those of ``update`` begin.
    """
    taken: set[int] = set()
    for index, gradient in enumerate(update, start):
        if gradient is None:
            continue
        if total[index] is not None:
            total[index].add_(gradient)
            continue
        # The operands of an addition get one gradient between them, and what
        # is summed up one number: neither may be changed in place.
        memory = gradient.untyped_storage().data_ptr()
        if memory in taken or 0 in gradient.stride():
            gradient = _copy(gradient)
        taken.add(memory)
        total[index] = gradient


def _copy(gradient: Tensor) -> Tensor:
    """Copy in the same layout, on which rounding in bfloat16 depends."""
    if 0 in gradient.stride():
        return gradient.clone()
    copy = torch.empty_strided(
        gradient.size(),
        gradient.stride(),
        dtype=gradient.dtype,
        device=gradient.device,
    )
    return copy.copy_(gradient)


def inner_product(left: Gradients, right: Gradients) -> Tensor:
    """Inner product of two task gradients over all parameters together.

    Each tensor contributes a dot product in its own precision, float32 at
    least; the contributions are added in float64.

    Returns:
        Scalar float64 tensor on the gradients' device.
    """
    products = [
        torch.dot(_at_least_float32(a), _at_least_float32(b))
        for a, b in zip(left, right)
        if a is not None and b is not None
    ]
    if not products:
        device = next(
            (g.device for g in (*left, *right) if g is not None), None
        )
        return torch.zeros((), dtype=torch.float64, device=device)
    return torch.stack(products).double().sum()


def _at_least_float32(gradient: Tensor) -> Tensor:
    """Flatten, and widen the half precisions of autocast."""
    half = gradient.dtype in (torch.float16, torch.bfloat16)
    return gradient.flatten().float() if half else gradient.flatten()


def gramian(gradients: Sequence[Gradients]) -> Tensor:
    """Matrix of the inner products of T task gradients.

    Returns:
        (T, T) symmetric float64 tensor on the gradients' device.
    """
    size = len(gradients)
    entries = [
        [inner_product(gradients[i], gradients[j]) for j in range(i + 1)]
        for i in range(size)
    ]
    return torch.stack(
        [
            torch.stack([entries[max(i, j)][min(i, j)] for j in range(size)])
            for i in range(size)
        ]
    )


def combine(
    gradients: Sequence[Gradients], weights: Sequence[float]
) -> Gradients:
    """Weighted sum of task gradients, ``sum_t weights[t] * gradients[t]``.

    The memory of ``gradients`` is reused for the result: its content is
    undefined afterwards.

    Args:
        gradients: T task gradients at the same P parameters.
        weights: T weights.

    Returns:
        P tensors; None where no task depends on the parameter.
    """
    combined: Gradients = [None] * len(gradients[0])
    for gradient, weight in zip(gradients, weights):
        present = [i for i, g in enumerate(gradient) if g is not None]
        fresh = [i for i in present if combined[i] is None]
        shared = [i for i in present if combined[i] is not None]
        if fresh and weight != 1.0:
            torch._foreach_mul_([gradient[i] for i in fresh], weight)
        if shared:
            torch._foreach_add_(
                [combined[i] for i in shared],
                [gradient[i] for i in shared],
                alpha=weight,
            )
        for index in fresh:
            combined[index] = gradient[index]
    return combined


def to_host(
    gramians: dict[str, Tensor],
    statistics: dict[str, Tensor],
    gradients: Gradients,
) -> tuple[dict[str, Tensor], dict[str, float], bool]:
    """Bring what the weights depend on to the host, in one transfer.

    Args:
        gramians: Name -> (T, T) float64 tensor.
        statistics: Name -> scalar.
        gradients: Further gradients, which are only checked.

    Returns:
        The Gramians on CPU, the statistics as numbers, and whether all of
        these and all ``gradients`` are finite.
    """
    present = [g for g in gradients if g is not None]
    norms = torch._foreach_norm(present) if present else []
    entries = [
        *(matrix.flatten() for matrix in gramians.values()),
        *(value.double()[None] for value in statistics.values()),
        *(norm.double()[None] for norm in norms),
    ]
    host = torch.cat(entries).cpu()
    sizes = [matrix.numel() for matrix in gramians.values()]
    *blocks, rest = host.split([*sizes, len(host) - sum(sizes)])
    matrices = {
        name: block.view_as(matrix)
        for (name, matrix), block in zip(gramians.items(), blocks)
    }
    means = dict(zip(statistics, rest.tolist()))
    return matrices, means, bool(host.isfinite().all())
