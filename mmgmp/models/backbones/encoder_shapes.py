# Copyright (c) mmgmp authors.
"""What an encoder gets and returns, for any backbone."""

import inspect
from collections.abc import Sequence

import torch
from mmaction.models.backbones import C2D, TimeSformer
from mmaction.models.utils import Graph
from torch import Tensor, nn

# Prefixes that only the recognizers of MMAction2 understand.
FOREIGN = ('torchvision.', 'timm.')


def check_type(modality: str, type_: object) -> None:
    """Check that an encoder is in a registry.

    Args:
        modality: Modality of the encoder.
        type_: Its type in the config, a name or a class.

    Raises:
        ValueError: It is the name of a model of torchvision or timm.
    """
    if isinstance(type_, str) and type_.startswith(FOREIGN):
        raise ValueError(
            f'`encoders.{modality}`: {type_!r} is not a registered backbone; '
            'use one of mmpretrain, such as mmpretrain.ResNet, or '
            "dict(type='mmpretrain.TIMMBackbone', model_name=...)"
        )


def check_encoder(modality: str, encoder: nn.Module) -> None:
    """Check that an encoder maps one input to features.

    Args:
        modality: Modality of the encoder.
        encoder: The encoder.

    Raises:
        ValueError: It needs several inputs, or returns tokens.
    """
    name = type(encoder).__name__
    inputs = [
        p.name
        for p in inspect.signature(encoder.forward).parameters.values()
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    if len(inputs) > 1:
        raise ValueError(
            f'`encoders.{modality}`: {name} needs the inputs {inputs}, but an '
            'encoder gets one modality. A model of MMAction2 that fuses '
            'modalities by itself trains with the optim wrappers directly, '
            'see configs/gmp/drop_in'
        )
    if getattr(encoder, 'out_type', None) == 'raw':
        raise ValueError(
            f"`encoders.{modality}`: {name} with out_type='raw' returns "
            "tokens; use out_type='cls_token' or 'avg_featmap'"
        )


def input_ndim(encoder: nn.Module) -> int | None:
    """Count the dimensions of a batch with one clip or frame per sample.

    This is the number for the first convolution, unless the encoder gets
    skeletons (N, M, T, V, C), or applies a 2-D convolution to each frame of a
    clip (N, C, T, H, W).

    Args:
        encoder: The encoder.

    Returns:
        The number, or None for an encoder without convolutions.
    """
    if is_graph_network(encoder) or isinstance(encoder, (C2D, TimeSformer)):
        return 5
    for module in encoder.modules():
        for ndim, conv in ((3, nn.Conv1d), (4, nn.Conv2d), (5, nn.Conv3d)):
            if isinstance(module, conv):
                return ndim
    return None


def is_graph_network(encoder: nn.Module) -> bool:
    """Whether an encoder is a graph network for skeletons of MMAction2."""
    return isinstance(getattr(encoder, 'graph', None), Graph)


def split_clips(
    modality: str, encoder: nn.Module, x: Tensor
) -> tuple[Tensor, int]:
    """Move the clips or frames of each sample into the batch.

    Args:
        modality: Modality of the encoder.
        encoder: The encoder.
        x: (N, ...) or (N, M, ...).

    Returns:
        (N * M, ...), and M.

    Raises:
        ValueError: The encoder shifts features between the frames of a
            sample, and M is not a multiple of its ``num_segments``.
    """
    clips, ndim = 1, input_ndim(encoder)
    if ndim is not None and x.ndim == ndim + 1:
        clips = x.shape[1]
        x = x.flatten(0, 1)
    segments = getattr(encoder, 'num_segments', None)
    if isinstance(segments, int) and clips % segments:
        # It would take frames of different samples for one.
        raise ValueError(
            f'the {modality} encoder {type(encoder).__name__} has '
            f'num_segments={segments}, but the batch has {clips} frames of '
            'each sample: use the same number in the pipeline '
            f'(SampleFrames with clip_len=1 and num_clips={segments})'
        )
    return x, clips


def global_pool(output: Tensor | Sequence) -> Tensor:
    """Average the output of an encoder over space and time.

    Args:
        output: (N, C, *), or several such tensors, which are pooled one by
            one and concatenated (the pathways of SlowFast). A pair of feature
            map and class token, as of MViT, counts as its class token (N, C),
            which is what the heads of MMAction2 use.

    Returns:
        (N, sum of C).

    Raises:
        TypeError: The output has another form, such as a dict.
    """
    outputs = [output] if isinstance(output, Tensor) else output
    tensors = [x[-1] if isinstance(x, (list, tuple)) else x for x in outputs]
    if not all(isinstance(x, Tensor) for x in tensors):
        raise TypeError(
            'an encoder must return (N, C, *) or a sequence of such tensors, '
            f'got {type(output).__name__}'
        )
    return torch.cat(
        [x.flatten(2).mean(2) if x.ndim > 2 else x for x in tensors], dim=1
    )


def pool(encoder: nn.Module, output: Tensor | Sequence) -> Tensor:
    """Pool the output of an encoder.

    Args:
        encoder: The encoder.
        output: See :func:`global_pool`; (N, M, C, T, V) of a graph network,
            which is also averaged over the M persons.

    Returns:
        (N, D).
    """
    if is_graph_network(encoder):
        return output.flatten(3).mean((1, 3))  # type: ignore[union-attr]
    return global_pool(output)
