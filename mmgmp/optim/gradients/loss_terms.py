# Copyright (c) mmgmp authors.
"""Terms of a loss dict, and their part in the total loss."""

import functools
import weakref
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from .encoder_features import leaves, walk
from .tasks import assign_terms

LossDict = dict[str, Tensor | Sequence[Tensor]]


class Terms(NamedTuple):
    """Loss terms of a task, and the derivative of the total loss by each."""

    tensors: list[Tensor]
    coefficients: list[Tensor]


class RecordedLosses:
    """Loss dict of one forward, each term with a node of its own in the graph.

    A term may depend on another one, or occur under two names. The derivative
    of a total loss by these nodes counts each term once.

    Args:
        losses: Output of a model in ``mode='loss'``.

    Attributes:
        losses: The same values.
    """

    def __init__(self, losses: LossDict) -> None:
        self.losses = _copies(losses, lambda term: term.view_as(term))
        # The caller may change these in place, and views share that change.
        returned = _copies(self.losses, torch.clone)
        # It lives in the graph of whatever is computed from the returned
        # terms, and no longer than that.
        token = _Token()
        for tensor in _loss_tensors(returned):
            if tensor.grad_fn is not None:
                tensor.grad_fn.metadata[_Token] = token  # type: ignore[index]
        self._token = weakref.ref(token)
        self._returned: LossDict | None = returned

    def take(self) -> LossDict:
        """Return the values for the caller of the model, once."""
        returned, self._returned = self._returned, None
        assert returned is not None
        return returned

    @property
    def in_use(self) -> bool:
        """Whether the caller still has a term or a function of one."""
        return self._token() is not None


class LossRecorder:
    """Loss dicts of the forward passes since the last backward pass.

    Args:
        module: The model, which returns a loss dict in ``mode='loss'``.

    Attributes:
        hooks: Handles of the hooks that record them.
    """

    def __init__(self, module: nn.Module) -> None:
        self._recorded: list[RecordedLosses] = []
        self.hooks: list[RemovableHandle] = [
            module.register_forward_pre_hook(self._drop_unused),
            module.register_forward_hook(self._record, with_kwargs=True),
        ]

    # A compiled forward pass is split at these hooks.
    @torch.compiler.disable
    def _drop_unused(self, *args) -> None:
        # The graph of a forward whose loss was dropped takes much memory.
        self._recorded = [x for x in self._recorded if x.in_use]

    @torch.compiler.disable
    def _record(self, module, args, kwargs, output) -> LossDict | None:
        if kwargs.get('mode') != 'loss' or not torch.is_grad_enabled():
            return None
        self._recorded.append(RecordedLosses(output))
        return self._recorded[-1].take()

    def __bool__(self) -> bool:
        return bool(self._recorded)

    def pop(self) -> list[LossDict]:
        """Return the loss dicts, and forget them."""
        losses = [recorded.losses for recorded in self._recorded]
        self._recorded = []
        return losses


class _Token:
    """Object whose end shows that a graph has been freed."""


def _copies(losses: LossDict, copy: Callable[[Tensor], Tensor]) -> LossDict:
    copies: LossDict = {}
    for key, value in losses.items():
        if 'loss' not in key:
            copies[key] = value
        elif isinstance(value, Tensor):
            copies[key] = copy(value)
        elif isinstance(value, (list, tuple)):
            copies[key] = [copy(term) for term in value]
        else:
            raise TypeError(
                f'the loss dict has {key!r}={value!r}: return a tensor or a '
                f'list of tensors'
            )
    return copies


def _loss_tensors(losses: LossDict) -> list[Tensor]:
    return [
        term
        for key, value in losses.items()
        if 'loss' in key
        for term in ([value] if isinstance(value, Tensor) else value)
    ]


def reduce_term(value: Tensor | Sequence[Tensor]) -> Tensor:
    """Reduce an entry of a loss dict as MMEngine's ``parse_losses`` does.

    Args:
        value: A tensor or a list of tensors.

    Returns:
        Mean of the tensor, or sum of the means of the list.
    """
    if isinstance(value, Tensor):
        return value.mean()
    return functools.reduce(torch.add, [term.mean() for term in value])


def mean_terms(
    losses: Mapping[str, Tensor | Sequence[Tensor]],
) -> dict[str, Tensor]:
    """Reduce each entry of a loss dict to a scalar without a graph.

    An empty list has no mean, and is left out.
    """
    return {
        key: reduce_term(value).detach()
        for key, value in losses.items()
        if isinstance(value, Tensor) or len(value)
    }


def group_terms(
    loss: Tensor,
    loss_dicts: Sequence[LossDict],
    tasks: Mapping[str, Sequence[str]],
) -> tuple[dict[str, Terms], list[LossDict]]:
    """Find the part of each task in a total loss.

    The total may be any function of the terms: their sum as in
    :meth:`mmengine.model.BaseModel.parse_losses`, a multiple of it, or a sum
    over several forward passes. The gradient of a task is that of its terms,
    each multiplied by the derivative of the total by this term.

    Args:
        loss: Scalar total loss, a function of the terms.
        loss_dicts: ``losses`` of :class:`RecordedLosses`. Keys without
            ``loss`` are ignored.
        tasks: Task name -> globs of its loss terms, see
            :func:`assign_terms`.

    Returns:
        Task name -> terms, in the order of ``tasks``; a task whose losses are
        all constant has no terms. And the loss dicts that affect the total.

    Raises:
        KeyError: A loss term has no task, or a task has no loss term.
        ValueError: A loss term has two tasks, no term affects the total, or a
            trained parameter affects it without being part of a term.
    """
    keyed = [
        (key, tensor, index)
        for index, losses in enumerate(loss_dicts)
        for key, value in losses.items()
        if 'loss' in key
        for tensor in ([value] if isinstance(value, Tensor) else value)
    ]
    # An empty list is a constant loss.
    terms = list(
        dict.fromkeys(key for x in loss_dicts for key in x if 'loss' in key)
    )
    assigned = assign_terms(terms, tasks)
    keyed = [found for found in keyed if found[1].requires_grad]
    used: dict[str, list[tuple[Tensor, Tensor]]] = defaultdict(list)
    seen: set[int] = set()
    if keyed and loss.requires_grad:
        tensors = [tensor for _, tensor, _ in keyed]
        nodes = {x.grad_fn for x in tensors if x.grad_fn is not None}
        if found := leaves(walk([loss.grad_fn], nodes)):
            raise ValueError(
                'the loss given to `backward` depends on a parameter of shape '
                f'{tuple(found[0].shape)} that is in no term of the loss '
                'dict: return this part of the loss from the model, under a '
                'key with `loss` in it'
            )
        derivatives = torch.autograd.grad(
            loss, tensors, retain_graph=True, allow_unused=True
        )
        for (key, tensor, index), derivative in zip(keyed, derivatives):
            if derivative is not None:
                used[key].append((tensor, derivative))
                seen.add(index)
    if not used:
        raise ValueError(
            'the loss given to `backward` depends on no term of the loss dict '
            f'that has a gradient; it has {terms}'
        )
    grouped = {}
    for task, keys in assigned.items():
        pairs = [pair for key in keys for pair in used[key]]
        grouped[task] = Terms([t for t, _ in pairs], [c for _, c in pairs])
    return grouped, [loss_dicts[index] for index in sorted(seen)]
