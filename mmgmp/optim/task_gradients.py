# Copyright (c) mmgmp authors.
"""Pure functions on task losses and task gradients."""

from collections.abc import Sequence

import torch
from torch import Tensor

# The gradient of one task at a list of parameters; None where the task does
# not depend on the parameter.
Gradients = list[Tensor | None]


def reduce_term(value: Tensor | Sequence[Tensor]) -> Tensor:
    """Scalar of one entry of a loss dict, as mmengine's ``parse_losses``.

    Args:
        value: A tensor, whose mean is taken, or a list of tensors, whose
            means are added.
    """
    if isinstance(value, Tensor):
        return value.mean()
    return sum(term.mean() for term in value)


def group_losses(
    losses: dict[str, Tensor | Sequence[Tensor]],
    tasks: dict[str, Sequence[str]],
) -> dict[str, Tensor]:
    """Sum the terms of a loss dict task by task.

    Terms are reduced as :meth:`mmengine.model.BaseModel.parse_losses` does,
    so that the tasks add up to the loss that the stock wrapper descends.

    Args:
        losses: Output of a model in ``mode='loss'``. Keys without ``loss`` in
            them are not losses and are passed over.
        tasks: Task name -> keys of its loss terms.

    Returns:
        Task name -> scalar loss, in the order of ``tasks``.

    Raises:
        KeyError: A loss term that no task names, or a task whose terms the
            model does not return.
    """
    terms = {
        key: reduce_term(value)
        for key, value in losses.items()
        if 'loss' in key
    }
    named = {key for keys in tasks.values() for key in keys}
    if unnamed := sorted(terms.keys() - named):
        raise KeyError(
            f'the model returns the loss terms {unnamed}, which no task of '
            f'`tasks`={tasks} names; add each of them to the task whose '
            'gradient it belongs to'
        )
    if absent := sorted(named - terms.keys()):
        raise KeyError(
            f'`tasks`={tasks} names the loss terms {absent}, which the model '
            f'does not return; it returns {sorted(terms)}'
        )
    return {
        task: sum((terms[key] for key in keys[1:]), terms[keys[0]])
        for task, keys in tasks.items()
    }


def accumulate(
    total: Gradients, update: Sequence[Tensor | None], start: int = 0
) -> None:
    """Add ``update`` to ``total[start:]`` in place; None stands for zero."""
    for index, gradient in enumerate(update, start):
        if gradient is None:
            continue
        if total[index] is None:
            total[index] = gradient
        else:
            total[index].add_(gradient)


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
