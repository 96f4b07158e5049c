# Copyright (c) mmgmp authors.
"""Parameters and outputs of the encoder of each modality."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from mmengine.model import is_model_wrapper
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import CheckpointFunction
from torch.utils.hooks import RemovableHandle

Prefixes = str | Sequence[str]

# Node of a reentrant checkpoint. It hides its part of the graph, and its
# backward pass writes the gradients of parameters into `.grad`.
REENTRANT = CheckpointFunction._backward_cls


def prefix_lists(modalities: Mapping[str, Prefixes]) -> dict[str, list[str]]:
    """Convert single prefixes to lists of one."""
    return {
        modality: [names] if isinstance(names, str) else list(names)
        for modality, names in modalities.items()
    }


def unwrap_model(model: nn.Module) -> nn.Module:
    """Return the module that owns complete parameters and gradients.

    Raises:
        ValueError: A wrapper shards or owns the gradients (FSDP, DeepSpeed,
            ...).
    """
    if isinstance(model, DistributedDataParallel):
        return model.module
    sharded = any(hasattr(p, 'device_mesh') for p in model.parameters())
    if sharded or is_model_wrapper(model) or 'deepspeed' in str(type(model)):
        raise ValueError(
            f'gradients of modalities need complete parameters, but '
            f'{type(model).__name__} shards or owns them: use a single '
            'process or MMDistributedDataParallel'
        )
    return model


@dataclass
class ModalityParameters:
    """Trained parameters of a model, grouped by encoder.

    Attributes:
        encoders: Parameters of all encoders, grouped by modality.
        spans: Modality -> slice of its parameters in ``encoders``.
        others: All other trained parameters (heads, objectives).
    """

    encoders: list[nn.Parameter]
    spans: dict[str, slice]
    others: list[nn.Parameter]


def split_parameters(
    module: nn.Module, modalities: Mapping[str, Prefixes]
) -> ModalityParameters:
    """Group the trained parameters by encoder.

    Args:
        module: The model, without a wrapper.
        modalities: Modality -> prefix(es) of the modules of its encoder.

    Raises:
        ValueError: No trained parameter matches a prefix, or a parameter
            matches the prefixes of two modalities.
    """
    named = {n: p for n, p in module.named_parameters() if p.requires_grad}
    encoders: dict[str, nn.Parameter] = {}
    spans = {}
    for modality, prefixes in prefix_lists(modalities).items():
        start = len(encoders)
        for prefix in prefixes:
            under = {
                n: p for n, p in named.items() if n.startswith(f'{prefix}.')
            }
            if not under:
                known = sorted({'.'.join(n.split('.')[:2]) for n in named})
                raise ValueError(
                    f'`modalities`: no trained parameter is under {prefix!r}, '
                    f'the prefix of modality {modality!r}; trained parameters '
                    f'are under {known}'
                )
            if shared := sorted(under.keys() & encoders.keys()):
                raise ValueError(
                    f'`modalities`: {shared[0]!r} is under the prefix '
                    f'{prefix!r} of modality {modality!r} and under an '
                    'earlier prefix; a parameter must have one modality'
                )
            encoders.update(under)
        spans[modality] = slice(start, len(encoders))
    others = [p for n, p in named.items() if n not in encoders]
    return ModalityParameters(list(encoders.values()), spans, others)


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
        nodes: dict[str, set[Node]] = {}
        for modality, tensors in self.tensors.items():
            found = {t.grad_fn for t in tensors if t.grad_fn is not None}
            if not found or any(t.grad_fn is None for t in tensors):
                return f'the forward did not call the encoder of {modality!r}'
            nodes[modality] = found
        cut = set().union(*nodes.values())
        owner: dict[int, str | None] = dict.fromkeys(map(id, params.others))
        owner.update(
            (id(param), modality)
            for modality, span in params.spans.items()
            for param in params.encoders[span]
        )
        above = walk([term.grad_fn for term in terms], cut)
        if any(isinstance(node, REENTRANT) for node in above):
            return (
                "reentrant activation checkpointing above the encoders' "
                'outputs has no gradient at them'
            )
        for leaf in leaves(above):
            if owner.get(id(leaf)) is not None:
                return (
                    'the losses depend on the encoder of '
                    f'{owner[id(leaf)]!r} through a path that bypasses its '
                    'output'
                )
        for modality, found in nodes.items():
            # Start below the features, which may be outputs of one node.
            below = [n for node in found for n, _ in node.next_functions]
            reached = walk(below, cut)
            if reached & cut:
                return f'the encoder of {modality!r} uses an encoder output'
            for leaf in leaves(reached):
                # An input of the model may require a gradient too.
                if owner.get(id(leaf), modality) != modality:
                    return (
                        f'the output of {modality!r} depends on a trained '
                        'parameter outside its encoder'
                    )
        return None


def leaves(nodes: Iterable[Node]) -> list[Tensor]:
    """Find the tensors for which the nodes accumulate gradients."""
    found = (getattr(node, 'variable', None) for node in nodes)
    return [leaf for leaf in found if leaf is not None]


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


def _differentiable(output: Tensor | Mapping | Iterable) -> list[Tensor]:
    """Find the tensors that require a gradient in a module's output."""
    if isinstance(output, Tensor):
        return [output] if output.requires_grad else []
    parts = output.values() if isinstance(output, Mapping) else output
    return [x for part in parts for x in _differentiable(part)]
