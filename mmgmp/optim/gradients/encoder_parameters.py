# Copyright (c) mmgmp authors.
"""Parameters of the encoder of each modality."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

Prefixes = str | Sequence[str]


def prefix_lists(modalities: Mapping[str, Prefixes]) -> dict[str, list[str]]:
    """Convert single prefixes to lists of one."""
    return {
        modality: [names] if isinstance(names, str) else list(names)
        for modality, names in modalities.items()
    }


def find_modalities(
    modalities: Mapping[str, Prefixes] | None, module: nn.Module
) -> dict[str, list[str]]:
    """Take the modalities of a model if none are given.

    Args:
        modalities: Modality -> prefix(es) of the modules of its encoder.
        module: The model, which may have an attribute ``modality_modules``.

    Raises:
        ValueError: There are no modalities.
    """
    found = modalities
    if found is None:
        found = getattr(module, 'modality_modules', None)
    if not found:
        raise ValueError(
            '`modalities` must name the modules of each modality, such '
            "as dict(video='backbone.video', audio='backbone.audio'), "
            f'because {type(module).__name__} has no attribute '
            f'`modality_modules`; got {modalities}'
        )
    return prefix_lists(found)


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
    """Parameters of an optimizer, grouped by encoder.

    A parameter may be frozen at any time, so all of them have a place here.
    Those that are trained now are those with ``requires_grad``.

    Attributes:
        encoders: Parameters of all encoders, grouped by modality.
        spans: Modality -> slice of its parameters in ``encoders``.
        others: All other parameters: heads, objectives, and what the encoders
            of several modalities share.
        names: Names of ``encoders`` and ``others``.
    """

    encoders: list[nn.Parameter]
    spans: dict[str, slice]
    others: list[nn.Parameter]
    names: list[str]

    def __post_init__(self) -> None:
        # Parameter -> its modality; None for other parameters.
        self.owners: dict[Tensor, str | None] = dict.fromkeys(self.others)
        for modality, span in self.spans.items():
            self.owners.update(dict.fromkeys(self.encoders[span], modality))

    def frozen(self) -> list[str]:
        """Return the modalities whose encoder has no trained parameter."""
        return [
            modality
            for modality, span in self.spans.items()
            if not any(p.requires_grad for p in self.encoders[span])
        ]


def split_parameters(
    module: nn.Module,
    modalities: Mapping[str, Prefixes],
    optimized: Iterable[nn.Parameter] | None = None,
) -> ModalityParameters:
    """Group parameters by encoder.

    A parameter under prefixes of several modalities belongs to none of them.

    Args:
        module: The model, without a wrapper.
        modalities: Modality -> prefix(es) of the modules of its encoder.
        optimized: The parameters to group; None for those of the model.

    Raises:
        ValueError: There is no module of the name of a prefix, or a prefix is
            inside another one.
    """
    _check_prefixes(module, modalities)
    names: dict[nn.Parameter, list[str]] = {}
    # A parameter of two modules has two names.
    for name, param in module.named_parameters(remove_duplicate=False):
        names.setdefault(param, []).append(name)
    if optimized is not None:
        kept = dict.fromkeys(optimized)
        # Parameters outside the model come last.
        outside = [param for param in kept if param not in names]
        names = {p: found for p, found in names.items() if p in kept}
        for number, param in enumerate(outside):
            names[param] = [f'<parameter {number} outside the model>']
    encoders: dict[str, dict[nn.Parameter, None]] = {}
    for modality, prefixes in prefix_lists(modalities).items():
        encoders[modality] = {
            param: None
            for prefix in prefixes
            for param, known in names.items()
            if any(name.startswith(f'{prefix}.') for name in known)
        }
    counts = Counter(param for params in encoders.values() for param in params)
    spans = {}
    grouped: list[nn.Parameter] = []
    for modality, params in encoders.items():
        start = len(grouped)
        grouped += [param for param in params if counts[param] == 1]
        spans[modality] = slice(start, len(grouped))
    others = [param for param in names if counts[param] != 1]
    shared = [names[param][0] for param in others if counts[param] > 1]
    if shared:
        print_log(
            f'Modalities share {len(shared)} parameters, such as '
            f'{shared[0]!r}: they are trained like those of the heads.',
            logger='current',
            level=logging.WARNING,
        )
    return ModalityParameters(
        grouped,
        spans,
        others,
        names=[names[param][0] for param in grouped + others],
    )


def _check_prefixes(
    module: nn.Module, modalities: Mapping[str, Prefixes]
) -> None:
    modules = dict(module.named_modules(remove_duplicate=False))
    earlier: dict[str, str] = {}
    for modality, prefixes in prefix_lists(modalities).items():
        for prefix in prefixes:
            if not prefix or prefix not in modules:
                parameters = dict(module.named_parameters())
                known = sorted(
                    {'.'.join(n.split('.')[:2]) for n in parameters}
                )
                raise ValueError(
                    f'`modalities`: the model has no module {prefix!r}, the '
                    f'prefix of modality {modality!r}; its parameters are '
                    f'under {known}'
                )
            for other, owner in earlier.items():
                same = prefix == other and modality != owner
                if not same and (
                    f'{prefix}.'.startswith(f'{other}.')
                    or f'{other}.'.startswith(f'{prefix}.')
                ):
                    raise ValueError(
                        f'`modalities`: the prefix {prefix!r} of modality '
                        f'{modality!r} and the earlier prefix {other!r} of '
                        f'modality {owner!r} contain one another; name '
                        'modules that do not, or the same module for a part '
                        'that modalities share'
                    )
            earlier[prefix] = modality
