# Copyright (c) mmgmp authors.
from collections.abc import Iterable, Sequence

from mmengine.logging import print_log
from torch import nn

from mmgmp.utils.encoder_weights import convert, read_state_dict


def under(names: Iterable[str], prefixes: Sequence[str]) -> set[str]:
    """Find the names of what lies in the modules of some prefixes.

    Args:
        names: Names of parameters or buffers.
        prefixes: Names of modules.

    Returns:
        Those of the names that begin with a prefix and a dot.
    """
    starts = tuple(f'{prefix}.' for prefix in prefixes)
    return {name for name in names if name.startswith(starts)}


def load_encoder(
    modality: str,
    encoder: nn.Module,
    path: str,
    random_init: Sequence[str] = (),
) -> None:
    """Give an encoder the weights of a file, in place.

    Args:
        modality: Its name in messages.
        encoder: The encoder.
        path: File with the whole state of the encoder under ``state_dict``.
        random_init: Prefixes of the modules that stay as they are.

    Raises:
        FileNotFoundError: No such file.
        UnpicklingError: The file asks for more than weights need.
        ValueError: Its tensors are not those of the encoder; the message
            lists the names.
    """
    state, report = convert(
        read_state_dict(path, 'state_dict'),
        {name: tensor.shape for name, tensor in encoder.state_dict().items()},
    )
    report.require_complete(f'`pretrained` {path} for the {modality} encoder')
    loaded = {n: state[n] for n in state.keys() - under(state, random_init)}
    encoder.load_state_dict(loaded, strict=False)
    print_log(
        f'loaded {len(loaded)} of {len(state)} tensors of the {modality} '
        f'encoder from {path}',
        logger='current',
    )


def input_ndim(encoder: nn.Module) -> int | None:
    """Count the dimensions of a batch that an encoder takes.

    Args:
        encoder: The encoder.

    Returns:
        What its first convolution takes; None without a convolution.
    """
    for module in encoder.modules():
        for ndim, conv in ((3, nn.Conv1d), (4, nn.Conv2d), (5, nn.Conv3d)):
            if isinstance(module, conv):
                return ndim
    return None


def import_package(type_: str | type) -> None:
    """Register the models of the package that a scoped type names.

    Args:
        type_: Type of a model in a config.
    """
    if isinstance(type_, str) and type_.startswith('mmpretrain.'):
        import mmpretrain.models  # noqa: F401
