# Copyright (c) mmgmp authors.
"""Load the weights of a checkpoint into a model, or say why they do not fit.

MMEngine logs a warning about weights that do not fit, and leaves the model
random.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from .checkpoints import CheckpointError

# Only training uses these modules.
TRAINING_ONLY = 'objectives.'
# Part of an encoder that must match if training starts from other weights.
MINIMAL_MATCH = 0.5


@dataclass
class Misfit:
    """Differences between a model and the weights that were loaded into it.

    Attributes:
        missing: Names in the model that are not in the checkpoint.
        unexpected: Names in the checkpoint that are not in the model.
        misshaped: Name -> shape in the checkpoint and in the model.
    """

    missing: list[str]
    unexpected: list[str]
    misshaped: dict[str, tuple]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.misshaped)

    def __str__(self) -> str:
        """List a few names of each kind in one line."""
        shapes = [
            f'{name} with the shape {found} instead of {wanted}'
            for name, (found, wanted) in self.misshaped.items()
        ]
        parts = dict(
            missing=self.missing,
            unexpected=self.unexpected,
            misshaped=shapes,
        )
        return '; '.join(
            f'{len(names)} {kind}: {_some(names)}'
            for kind, names in parts.items()
            if names
        )


def load_complete(
    model: nn.Module, checkpoint: Mapping, path: str, optional: str = ''
) -> None:
    """Load weights that must match those of the model one to one.

    Args:
        model: The model.
        checkpoint: Content of a checkpoint, or weights alone.
        path: Name of the checkpoint for errors.
        optional: Weights under this prefix need not match, and may be absent
            on either side.

    Raises:
        CheckpointError: Names or shapes differ, or weights are not finite.
    """
    state = weights_of(checkpoint, path)
    if optional:
        for name in list(state):
            if name.startswith(optional):
                del state[name]
    misfit = _load(model, state, path)
    if optional:
        misfit.missing = [
            name for name in misfit.missing if not name.startswith(optional)
        ]
    if misfit:
        raise CheckpointError(
            f'checkpoint {path} is of another model than this config, or of '
            'a training with another --dataset, --target, --sources or '
            f'--modalities: {misfit}'
        )


def load_matching(
    model: nn.Module, checkpoint: Mapping, path: str, ready: Iterable[str] = ()
) -> Misfit:
    """Load the weights that a training starts from.

    A new head, or the objectives of another method, may differ.

    Args:
        model: The model. With a ``backbone`` of several encoders, each of
            them must match.
        checkpoint: Content of a checkpoint, or weights alone.
        path: Name of the checkpoint for errors.
        ready: Encoders that have weights already and need none.

    Returns:
        The differences. Weights that are missing or have another shape keep
        their values.

    Raises:
        CheckpointError: Less than half of an encoder matches, or weights are
            not finite.
    """
    misfit = _load(model, weights_of(checkpoint, path), path)
    absent = {*misfit.missing, *misfit.misshaped}
    for prefix in _encoders(model):
        if prefix.rstrip('.').rpartition('.')[2] in ready:
            continue
        names = [n for n in _names(model) if n.startswith(prefix)]
        matching = [name for name in names if name not in absent]
        if len(matching) < MINIMAL_MATCH * len(names):
            raise CheckpointError(
                f'checkpoint {path} is of another model than this config: '
                f'only {len(matching)} of {len(names)} weights of '
                f'{prefix.rstrip(".") or "the model"} are in it; {misfit}'
            )
    return misfit


def weights_of(checkpoint: Mapping, path: str) -> OrderedDict[str, Tensor]:
    """Find the weights in a checkpoint.

    Args:
        checkpoint: Content of a checkpoint, or weights alone. Names may have
            the prefix ``module.`` of a distributed model.
        path: Name of the checkpoint for errors.

    Returns:
        Name -> tensor, without the prefix.

    Raises:
        CheckpointError: There are no named tensors.
    """
    state = checkpoint.get('state_dict', checkpoint)
    if not isinstance(state, Mapping) or not any(
        isinstance(value, Tensor) for value in state.values()
    ):
        raise CheckpointError(
            f'checkpoint {path} has no weights under `state_dict`: it has '
            f'{_some(sorted(map(str, checkpoint))) or "no entries"}'
        )
    weights: OrderedDict[str, Tensor] = OrderedDict(
        (name.removeprefix('module.'), value) for name, value in state.items()
    )
    # Versions of the layers, which update the names of older versions.
    if hasattr(state, '_metadata'):
        vars(weights)['_metadata'] = state._metadata
    return weights


def _load(
    model: nn.Module, state: OrderedDict[str, Tensor], path: str
) -> Misfit:
    """Load what fits."""
    own = model.state_dict()
    misshaped = {}
    diverged = []
    for name in own.keys() & state.keys():
        if not isinstance(state[name], Tensor):
            continue
        found, wanted = tuple(state[name].shape), tuple(own[name].shape)
        if found != wanted:
            misshaped[name] = (found, wanted)
        elif not _is_finite(state[name]) and _is_finite(own[name]):
            diverged.append(name)
    if diverged:
        raise CheckpointError(
            f'checkpoint {path} has values that are not finite, because its '
            f'training diverged: {_some(sorted(diverged))}'
        )
    fitting = state.copy()
    if hasattr(state, '_metadata'):
        vars(fitting)['_metadata'] = state._metadata
    for name in misshaped:
        del fitting[name]
    try:
        result = model.load_state_dict(fitting, strict=False)
    except RuntimeError as error:
        reason = ' '.join(str(error).split())[:300]
        raise CheckpointError(
            f'checkpoint {path} is of another model than this config: {reason}'
        ) from None
    # Older versions of PyTorch did not save the counts.
    missing = [
        name
        for name in result.missing_keys
        if name not in misshaped and 'num_batches_tracked' not in name
    ]
    return Misfit(
        missing, list(result.unexpected_keys), dict(sorted(misshaped.items()))
    )


def _is_finite(tensor: Tensor) -> bool:
    return bool(torch.isfinite(tensor).all())


def _names(model: nn.Module) -> list[str]:
    return [n for n in model.state_dict() if 'num_batches_tracked' not in n]


def _encoders(model: nn.Module) -> list[str]:
    """Return the prefixes of the encoders, or of all weights."""
    backbone = getattr(model, 'backbone', None)
    if backbone is None:
        return ['']
    modalities = getattr(backbone, 'modalities', None)
    if modalities is None:
        return ['backbone.']
    return [f'backbone.{modality}.' for modality in modalities]


def _some(names: Sequence[str], count: int = 3) -> str:
    """Join the first names, and count the others."""
    text = ', '.join(islice(names, count))
    more = len(names) - count
    return f'{text} and {more} more' if more > 0 else text
