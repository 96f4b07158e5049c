# Copyright (c) mmgmp authors.
"""Backward passes of single tasks, and the memory of their gradients."""

from collections.abc import Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils import checkpoint

from .loss_terms import Terms
from .task_gradients import Gradients

# The mode in which a selective checkpoint repeats a part of the forward.
SELECTIVE = checkpoint._CachedTorchDispatchMode


def feature_gradients(terms: Terms, inputs: Sequence[Tensor]) -> Gradients:
    """Run the backward pass of one task down to some tensors.

    The graph is kept.

    Args:
        terms: Loss terms of the task, and the weight of each.
        inputs: Features and parameters.

    Returns:
        Gradient at each input; None if the task does not depend on it, or if
        it is frozen. Do not change it in place: autograd may still need its
        memory.
    """
    trained = [x for x in inputs if x.requires_grad]
    if not terms.tensors or not trained:
        return [None] * len(inputs)
    found = iter(
        torch.autograd.grad(
            terms.tensors,
            trained,
            grad_outputs=terms.coefficients,
            retain_graph=True,
            allow_unused=True,
        )
    )
    return [next(found) if x.requires_grad else None for x in inputs]


def backward_into(
    gradients: Gradients,
    params: Sequence[nn.Parameter],
    outputs: Sequence[Tensor],
    grad_outputs: Sequence[Tensor | None],
    retain_graph: bool,
) -> None:
    """Run the backward pass of one task, and add to its gradients.

    This is PyTorch's plain ``backward``, which adds to ``.grad``. It decides
    which memory it may reuse: the operands of a sum share one gradient tensor,
    for example. It also runs reentrant activation checkpointing, which has no
    gradient at given inputs. Tensors other than ``params`` accumulate in their
    own ``.grad``.

    Args:
        gradients: Gradients of the task so far, changed in place.
        params: The parameters, whose ``.grad`` is None afterwards.
        outputs: Loss terms or features.
        grad_outputs: Gradient at each output; None if it has none.
        retain_graph: Whether a further pass needs the graph.
    """
    used = [(x, g) for x, g in zip(outputs, grad_outputs) if g is not None]
    if not used:
        return
    assign(params, gradients)
    try:
        torch.autograd.backward(
            [output for output, _ in used],
            [gradient for _, gradient in used],
            retain_graph=retain_graph,
        )
        gradients[:] = [param.grad for param in params]
    finally:
        assign(params, [None] * len(params))


def refuse_update_hooks(params: Sequence[nn.Parameter]) -> None:
    """Refuse hooks that use a gradient as soon as it has been accumulated.

    Raises:
        ValueError: A parameter has a ``post_accumulate_grad_hook``, as in
            optimizers that step in the backward pass.
    """
    for param in params:
        if getattr(param, '_post_accumulate_grad_hooks', None):
            raise ValueError(
                f'a parameter of shape {tuple(param.shape)} has a '
                '`post_accumulate_grad_hook`, which would get the gradient of '
                'a single task: remove it, or use the stock OptimWrapper'
            )


def assign(
    params: Sequence[nn.Parameter], gradients: Sequence[Tensor | None]
) -> None:
    """Write gradients into ``.grad``."""
    for param, gradient in zip(params, gradients):
        param.grad = gradient


def add_to_grad(
    params: Sequence[nn.Parameter], gradients: Sequence[Tensor | None]
) -> None:
    """Add gradients, which are not changed, to ``.grad``; None means zero."""
    for param, gradient in zip(params, gradients):
        if gradient is None:
            continue
        if param.grad is None:
            param.grad = gradient.clone()
        else:
            param.grad.add_(gradient)


def separate(gradients: Sequence[Tensor | None]) -> Gradients:
    """Copy gradients that share memory with an earlier one.

    A custom autograd function may return the same memory in the backward pass
    of each task.

    Args:
        gradients: Gradients from several passes.

    Returns:
        Gradients that can be changed in place.

    Raises:
        TypeError: A gradient is sparse.
    """
    separated: Gradients = []
    taken: set[int] = set()
    for gradient in gradients:
        if gradient is not None:
            if gradient.layout != torch.strided:
                raise TypeError(
                    'task gradients must be dense, but the gradient of a '
                    f'parameter of shape {tuple(gradient.shape)} has the '
                    f'layout {gradient.layout}: build its module with '
                    '`sparse=False`'
                )
            memory = gradient.untyped_storage().data_ptr()
            if memory in taken:
                gradient = gradient.clone()
            taken.add(memory)
        separated.append(gradient)
    return separated


class Recomputation:
    """Let activation checkpointing have the effects of a single pass.

    Checkpointing repeats a part of the forward in each backward pass, which
    updates the running statistics of BatchNorm. With one pass per task they
    would be updated more often than in plain training. Selective checkpointing
    allows no second pass at all, and is refused.

    Args:
        module: The model.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self.start()

    def start(self) -> None:
        """Begin the passes through a graph."""
        self._modules = [
            buffers
            for module in self._module.modules()
            if (buffers := list(module.buffers(recurse=False)))
        ]
        self._updated: dict[int, Tensor] = {}

    @contextmanager
    def once(self):
        """Undo the updates of buffers that an earlier pass has updated.

        Raises:
            RuntimeError: A second pass goes through a selective checkpoint.
        """
        versions = [_versions(buffers) for buffers in self._modules]
        kept = [(x, x.clone()) for x in self._updated.values()]
        with _selective_once():
            yield
        for buffer, value in kept:
            buffer.copy_(value)
        # BatchNorm changes its running statistics without a new version, but
        # it counts its batches in another buffer.
        for buffers, before in zip(self._modules, versions):
            if _versions(buffers) != before:
                self._updated.update((id(x), x) for x in buffers)


@contextmanager
def _selective_once():
    """Refuse a second pass through a selective checkpoint.

    It hands out each saved result once, and would give the second pass those
    that the first one did not need.

    Raises:
        RuntimeError: In the second pass.
    """
    enter = SELECTIVE.__enter__

    def enter_once(mode):
        if vars(mode).setdefault('_passes', 0):
            raise RuntimeError(
                'selective activation checkpointing (`context_fn` of '
                '`checkpoint`) allows one backward pass, but each task needs '
                "one: leave out `context_fn`, or use `granularity`='feature' "
                'if it is inside an encoder'
            )
        mode._passes = 1
        return enter(mode)

    # PyTorch has no hook for it.
    SELECTIVE.__enter__ = enter_once  # type: ignore[method-assign]
    try:
        yield
    finally:
        SELECTIVE.__enter__ = enter  # type: ignore[method-assign]


def _versions(buffers: Sequence[Tensor]) -> list[int]:
    return [buffer._version for buffer in buffers]
