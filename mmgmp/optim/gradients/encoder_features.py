# Copyright (c) mmgmp authors.
from collections.abc import Iterable, Sequence

from torch import Tensor, nn
from torch.autograd.graph import Node

from .modality_parameters import ModalityParameters


class EncoderFeatures:
    """Outputs of each modality's encoder in the last forward.

    Args:
        module: The model.
        modalities: Modality -> names of the modules whose outputs are its
            features.

    Attributes:
        tensors: Modality -> differentiable outputs of its modules.
        hooks: Handles of the hooks that fill ``tensors``.
    """

    def __init__(
        self, module: nn.Module, modalities: dict[str, Sequence[str]]
    ) -> None:
        self.tensors: dict[str, list[Tensor]] = {m: [] for m in modalities}
        # A forward that no backward pass followed leaves features behind.
        self.hooks = [module.register_forward_pre_hook(self.forget)]
        for modality, names in modalities.items():
            self.hooks += [
                module.get_submodule(name).register_forward_hook(
                    lambda _, __, output, found=self.tensors[modality]: (
                        found.extend(_differentiable(output))
                    )
                )
                for name in names
            ]

    def forget(self, *args) -> None:
        """Drop the features, and with them their graph."""
        for tensors in self.tensors.values():
            tensors.clear()

    def flatten(self) -> tuple[list[Tensor], dict[str, slice]]:
        """All features in one list, and the span of each modality in it."""
        features, spans = [], {}
        for modality, tensors in self.tensors.items():
            start = len(features)
            features.extend(tensors)
            spans[modality] = slice(start, len(features))
        return features, spans

    def shortcut(
        self, losses: Sequence[Tensor], params: ModalityParameters
    ) -> str | None:
        """Find a path from the losses to an encoder past its features.

        Without one, the gradient of a loss at the parameters of modality
        ``m`` is the one at the features of ``m`` taken back through the
        encoder of ``m`` alone, where it meets no other parameter.

        Args:
            losses: Scalars on the graph of the last forward.
            params: The trained parameters of the model.

        Returns:
            What is wrong, or None.
        """
        nodes = {
            m: [tensor.grad_fn for tensor in tensors]
            for m, tensors in self.tensors.items()
        }
        cut = {node for found in nodes.values() for node in found}
        owner = {
            id(param): modality
            for modality, span in params.spans.items()
            for param in params.encoders[span]
        }
        for modality, found in nodes.items():
            if not found or None in found:
                return f'the forward did not call the encoder of {modality!r}'
        for leaf in _leaves(_walk([loss.grad_fn for loss in losses], cut)):
            if id(leaf) in owner:
                return (
                    'the losses depend on the encoder of '
                    f'{owner[id(leaf)]!r} past its output'
                )
        for modality, found in nodes.items():
            # From below the features: they may be outputs of one node.
            below = [n for node in found for n, _ in node.next_functions]
            reached = _walk(below, cut)
            if reached & cut:
                return f'the encoder of {modality!r} sees an encoder output'
            for leaf in _leaves(reached):
                if owner.get(id(leaf)) != modality:
                    return (
                        f'the output of {modality!r} depends on a trained '
                        'parameter outside its encoder'
                    )
        return None


def _leaves(nodes: Iterable[Node]) -> list[Tensor]:
    """Tensors that nodes accumulate gradients for."""
    found = (getattr(node, 'variable', None) for node in nodes)
    return [leaf for leaf in found if leaf is not None]


def _walk(roots: Iterable[Node | None], stops: set[Node]) -> set[Node]:
    """Nodes of the graph from ``roots`` on, ``stops`` but not beyond."""
    pending = [node for node in roots if node is not None]
    reached = set()
    while pending:
        node = pending.pop()
        if node in reached:
            continue
        reached.add(node)
        if node not in stops:
            pending.extend(n for n, _ in node.next_functions if n is not None)
    return reached


def _differentiable(output: object) -> list[Tensor]:
    """Tensors of a module's output that gradients flow through."""
    if isinstance(output, Tensor):
        return [output] if output.requires_grad else []
    if isinstance(output, dict):
        output = output.values()
    return [x for part in output for x in _differentiable(part)]
