# Copyright (c) mmgmp authors.
"""Pure functions on task gradients."""

from collections.abc import Mapping, Sequence
from itertools import chain

import torch
from torch import Tensor

from .statistics import Statistics

# The gradient of one task at a list of parameters. It is None if the task does
# not depend on the parameter.
Gradients = list[Tensor | None]


def inner_product(
    left: Gradients, right: Gradients, device: torch.device | None = None
) -> Tensor:
    """Compute the inner product of two task gradients over all parameters.

    Each tensor contributes a dot product in its own precision, but at least
    in float32. The contributions are added in float64. On a CPU, a large
    tensor contributes one product per block, because a dot product loses
    precision with its length: 7e-4 for 20 million entries in float32.

    Args:
        left: Gradient of one task.
        right: Gradient of another task at the same parameters.
        device: Device of the zero if the tasks share no parameter.

    Returns:
        Scalar float64 tensor on the device of the gradients.
    """
    products = [
        product
        for a, b in zip(left, right)
        if a is not None and b is not None
        for product in _dot_products(
            _at_least_float32(a), _at_least_float32(b)
        )
    ]
    if not products:
        return torch.zeros((), dtype=torch.float64, device=device)
    return torch.stack(products).double().sum()


# Up to this size, a dot product in float32 has a relative error below 1e-5.
LARGE = 2**20
# A loop over shorter blocks takes longer than the products themselves.
BLOCK = 2**16


def _dot_products(left: Tensor, right: Tensor) -> list[Tensor]:
    """Compute the dot products of the blocks of two (P,) tensors."""
    # A GPU adds in parallel, which is precise, and many kernels are slow.
    if left.is_cuda or len(left) <= LARGE:
        return [torch.dot(left, right)]
    blocks = zip(left.split(BLOCK), right.split(BLOCK))
    return [torch.dot(a, b) for a, b in blocks]


def _at_least_float32(gradient: Tensor) -> Tensor:
    """Flatten, and widen the half precisions of autocast."""
    half = gradient.dtype in (torch.float16, torch.bfloat16)
    return gradient.flatten().float() if half else gradient.flatten()


def gramian(gradients: Sequence[Gradients]) -> Tensor:
    """Compute the matrix of the inner products of T task gradients.

    Returns:
        (T, T) symmetric float64 tensor on the device of the gradients.

    Example:
        >>> gramian([[torch.tensor([3.0, 4.0])], [torch.tensor([1.0, 0.0])]])
        tensor([[25.,  3.],
                [ 3.,  1.]], dtype=torch.float64)
    """
    size = len(gradients)
    # A task may reach none of the parameters.
    device = next((g.device for g in chain(*gradients) if g is not None), None)
    entries = [
        [
            inner_product(gradients[i], gradients[j], device)
            for j in range(i + 1)
        ]
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
    """Compute the weighted sum ``sum_t weights[t] * gradients[t]``.

    The result reuses the memory of ``gradients``, whose content is undefined
    afterwards.

    Args:
        gradients: T task gradients at the same P parameters.
        weights: T weights.

    Returns:
        P tensors; None where no task depends on the parameter.

    Example:
        >>> combine([[torch.tensor(2.0)], [torch.tensor(3.0)]], [1.0, 0.5])
        [tensor(3.5000)]
    """
    combined: Gradients = [None] * len(gradients[0])
    for gradient, weight in zip(gradients, weights):
        fresh, sums, terms = [], [], []
        for index, term in enumerate(gradient):
            if term is None:
                continue
            total = combined[index]
            if total is None:
                fresh.append(term)
                combined[index] = term
            else:
                sums.append(total)
                terms.append(term)
        if fresh and weight != 1.0:
            torch._foreach_mul_(fresh, weight)
        if sums:
            torch._foreach_add_(sums, terms, alpha=weight)
    return combined


def to_host(
    gramians: dict[str, Tensor],
    statistics: Mapping[str, Tensor],
    gradients: Sequence[Tensor | None],
) -> tuple[dict[str, Tensor], Statistics, bool]:
    """Copy the inputs of a weighting to the host in one transfer.

    Args:
        gramians: Name -> (T, T) float64 tensor.
        statistics: Name -> scalar.
        gradients: Other gradients, which are only checked.

    Returns:
        The Gramians on the CPU, the statistics as numbers, and whether the
        Gramians and all ``gradients`` are finite.
    """
    present = [g for g in gradients if g is not None]
    norms = torch._foreach_norm(present) if present else []
    entries = [
        *(matrix.flatten() for matrix in gramians.values()),
        *(value.double()[None] for value in statistics.values()),
        *(norm.double()[None] for norm in norms),
    ]
    # The Gramian of an encoder that no task reaches is on the CPU.
    devices = {entry.device for entry in entries} - {torch.device('cpu')}
    for device in devices:
        entries = [entry.to(device) for entry in entries]
    host = torch.cat(entries).cpu()
    sizes = [matrix.numel() for matrix in gramians.values()]
    *blocks, rest, last = host.split([*sizes, len(statistics), len(norms)])
    matrices = {
        name: block.view_as(matrix)
        for (name, matrix), block in zip(gramians.items(), blocks)
    }
    finite = torch.cat([*blocks, last]).isfinite().all()
    return matrices, Statistics(zip(statistics, rest.tolist())), bool(finite)
