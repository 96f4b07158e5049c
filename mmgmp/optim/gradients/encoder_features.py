# Copyright (c) mmgmp authors.
"""Outputs of the encoder of each modality, and paths that bypass them."""

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.utils.checkpoint import CheckpointFunction
from torch.utils.hooks import RemovableHandle

from .encoder_parameters import ModalityParameters

# Node of a reentrant checkpoint. It hides its part of the graph, and its
# backward pass writes the gradients of parameters into `.grad`.
REENTRANT = CheckpointFunction._backward_cls


class EncoderFeatures:
    """Outputs of the encoder of each modality since the last update.

    Args:
        module: The model.
        modalities: Modality -> names of the modules whose outputs are its
            features.

    Attributes:
        tensors: Modality -> differentiable outputs of its modules.
        hooks: Handles of the hooks that fill ``tensors``.
    """

    def __init__(
        self, module: nn.Module, modalities: Mapping[str, Sequence[str]]
    ) -> None:
        self.tensors: dict[str, list[Tensor]] = {m: [] for m in modalities}
        self.hooks: list[RemovableHandle] = []
        for modality, names in modalities.items():
            self.hooks += [
                module.get_submodule(name).register_forward_hook(
                    functools.partial(self._record, modality)
                )
                for name in names
            ]

    @torch.compiler.disable
    def _record(self, modality: str, module, args, output) -> None:
        self.tensors[modality].extend(_differentiable(output))

    def forget(self) -> None:
        """Drop the features and their graph."""
        for tensors in self.tensors.values():
            tensors.clear()

    def flatten(self) -> tuple[list[Tensor], dict[str, slice]]:
        """Return all features in one list, and the slice of each modality."""
        features: list[Tensor] = []
        spans = {}
        for modality, tensors in self.tensors.items():
            start = len(features)
            features.extend(tensors)
            spans[modality] = slice(start, len(features))
        return features, spans

    def shortcut(
        self, terms: Sequence[Tensor], params: ModalityParameters
    ) -> str | None:
        """Find a path from the losses to an encoder that bypasses its output.

        Without such a path, the gradient of a loss at the parameters of
        modality ``m`` is its gradient at the features of ``m``, propagated
        through the encoder of ``m`` alone, and this reaches no other
        parameter.

        Args:
            terms: Loss terms on the graph of the forward passes.
            params: The trained parameters of the model.

        Returns:
            Description of the path, or None.
        """
        for modality in params.frozen():
            # Its outputs are on the way to no parameter of its own.
            self.tensors[modality].clear()
        nodes: dict[str, set[Node]] = {
            modality: {t.grad_fn for t in tensors if t.grad_fn is not None}
            for modality, tensors in self.tensors.items()
        }
        for modality, tensors in self.tensors.items():
            if any(x._backward_hooks or x.retains_grad for x in tensors):
                # Passes above and below the output would both call it.
                return (
                    f'the output of the encoder of {modality!r} has a hook '
                    'or `retain_grad`'
                )
        cut = set().union(*nodes.values())
        above = walk([term.grad_fn for term in terms], cut)
        if any(isinstance(node, REENTRANT) for node in above):
            return (
                "reentrant activation checkpointing above the encoders' "
                'outputs has no gradient at them'
            )
        for leaf in leaves(above):
            owner = params.owners.get(leaf)
            if owner is not None and not nodes[owner]:
                return f'the forward did not call the encoder of {owner!r}'
            if owner is not None:
                return (
                    f'the losses depend on the encoder of {owner!r} through a '
                    'path that bypasses its output'
                )
        for modality, found in nodes.items():
            # Start below the features, which may be outputs of one node.
            below = [n for node in found for n, _ in node.next_functions]
            reached = walk(below, cut)
            if reached & cut:
                return f'the encoder of {modality!r} uses an encoder output'
            for leaf in leaves(reached):
                # An input of the model may require a gradient too.
                if params.owners.get(leaf, modality) != modality:
                    return (
                        f'the output of {modality!r} depends on a trained '
                        'parameter outside its encoder'
                    )
        return None


def leaves(nodes: Iterable[Node]) -> list[Tensor]:
    """Find the tensors for which the nodes accumulate gradients.

    A parameter that was frozen after the forward gets none.
    """
    found = (getattr(node, 'variable', None) for node in nodes)
    return [leaf for leaf in found if leaf is not None and leaf.requires_grad]


def walk(roots: Iterable[Node | None], stops: set[Node]) -> set[Node]:
    """Find the nodes from ``roots`` up to and including ``stops``."""
    pending = [node for node in roots if node is not None]
    reached: set[Node] = set()
    while pending:
        node = pending.pop()
        if node in reached:
            continue
        reached.add(node)
        if node not in stops:
            pending.extend(n for n, _ in node.next_functions if n is not None)
    return reached


def _differentiable(output: object) -> list[Tensor]:
    """Find the tensors that require a gradient in a module's output.

    What is in objects of other kinds is not found, and counts as a path that
    bypasses the output.
    """
    if isinstance(output, Tensor):
        return [output] if output.requires_grad else []
    parts: Iterable = ()
    if isinstance(output, Mapping):
        parts = output.values()
    elif isinstance(output, (list, tuple)):
        parts = output
    elif dataclasses.is_dataclass(output):
        parts = vars(output).values()
    return [x for part in parts for x in _differentiable(part)]
