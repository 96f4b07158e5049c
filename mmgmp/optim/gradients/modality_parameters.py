# Copyright (c) mmgmp authors.
from collections.abc import Sequence
from dataclasses import dataclass

from mmengine.model import is_model_wrapper
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .task_gradients import accumulate

Prefixes = str | Sequence[str]


def prefix_lists(modalities: dict[str, Prefixes]) -> dict[str, list[str]]:
    """Write a single prefix as a list of one."""
    return {
        modality: [names] if isinstance(names, str) else list(names)
        for modality, names in modalities.items()
    }


@dataclass
class ModalityParameters:
    """Trained parameters of a model, split by the encoder they belong to.

    Attributes:
        encoders: Parameters of all encoders, modality after modality.
        spans: Modality -> slice of its parameters in ``encoders``.
        others: All remaining trained parameters (heads, objectives).
    """

    encoders: list[nn.Parameter]
    spans: dict[str, slice]
    others: list[nn.Parameter]


def assign(
    params: Sequence[nn.Parameter], gradients: Sequence[Tensor | None]
) -> None:
    """Write gradients into ``.grad``."""
    for param, gradient in zip(params, gradients):
        param.grad = gradient


def add_to_grad(
    params: Sequence[nn.Parameter], gradients: Sequence[Tensor | None]
) -> None:
    """Add gradients to ``.grad``; None stands for zero."""
    total = [param.grad for param in params]
    accumulate(total, gradients)
    assign(params, total)


def split_parameters(
    module: nn.Module, modalities: dict[str, Prefixes]
) -> ModalityParameters:
    """Find the trained parameters of each modality's encoder.

    Args:
        module: The model, not wrapped.
        modalities: Modality -> prefix(es) of its encoder's modules.

    Raises:
        ValueError: A prefix without any trained parameter under it, or a
            parameter under the prefixes of two modalities.
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
                    'earlier prefix too; a parameter has one modality'
                )
            encoders.update(under)
        spans[modality] = slice(start, len(encoders))
    others = [p for n, p in named.items() if n not in encoders]
    return ModalityParameters(list(encoders.values()), spans, others)


def unwrap_model(model: nn.Module) -> nn.Module:
    """Return the module whose parameters and gradients are whole.

    Raises:
        ValueError: A wrapper that shards or owns the gradients (FSDP,
            DeepSpeed, ...).
    """
    if isinstance(model, DistributedDataParallel):
        return model.module
    sharded = any(hasattr(p, 'device_mesh') for p in model.parameters())
    if sharded or is_model_wrapper(model) or 'deepspeed' in str(type(model)):
        raise ValueError(
            f'gradients of modalities need whole parameters: '
            f'{type(model).__name__} shards or owns them; use a single '
            'process or MMDistributedDataParallel'
        )
    return model
