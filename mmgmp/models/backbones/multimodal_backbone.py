# Copyright (c) mmgmp authors.
from collections.abc import Sequence

import torch
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn


def global_pool(output: Tensor | Sequence[Tensor]) -> Tensor:
    """Average an encoder's output over space and time.

    Args:
        output: (N, C, *), or several of them, which are pooled one by one
            and concatenated (the pathways of SlowFast).

    Returns:
        (N, sum of C).
    """
    outputs = [output] if isinstance(output, Tensor) else output
    return torch.cat(
        [x.flatten(2).mean(2) if x.ndim > 2 else x for x in outputs], dim=1
    )


@MODELS.register_module()
class MultimodalBackbone(BaseModule):
    """One encoder per modality, with global average pooling.

    The encoder of a modality is the sub-module of its name, so its parameters
    lie under ``backbone.<modality>`` in a recognizer. Modules without any
    trained parameter (frozen by ``trainable`` or by the encoder's own
    ``frozen_stages``) stay in eval mode, and autograd keeps no graph of them.

    An input with one dimension more than the encoder's first convolution
    takes, (N, M, ...), holds M clips or crops of each sample; their features
    are averaged. An encoder without convolutions gets its input as it is.

    Args:
        encoders: Modality -> config of its encoder, any backbone of mmaction,
            mmpretrain or another registered package.
        trainable: Modality -> prefixes of the modules of its encoder that
            are trained, the rest being frozen. An encoder that is not named
            is trained as its own config says.

    Raises:
        ValueError: A modality name that cannot be a sub-module's, or a prefix
            in ``trainable`` that matches no parameter.

    Example:
        >>> backbone = dict(
        ...     type='MultimodalBackbone',
        ...     encoders=dict(
        ...         video=dict(type='ResNet3dSlowFast', ...),
        ...         audio=dict(
        ...             type='mmpretrain.ResNet', depth=18, in_channels=1)),
        ...     trainable=dict(audio=['layer4']))
    """

    def __init__(
        self,
        encoders: dict[str, dict],
        trainable: dict[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__()
        self.modalities = list(encoders)
        for modality, encoder in encoders.items():
            if hasattr(self, modality) or '.' in modality:
                raise ValueError(
                    f'`encoders`: {modality!r} cannot name a modality, since '
                    'it is taken by an attribute of the module or holds a dot'
                )
            _import_package(encoder['type'])
            self.add_module(modality, MODELS.build(encoder))
        for modality, prefixes in (trainable or {}).items():
            self._freeze_rest(modality, prefixes)

    def _freeze_rest(self, modality: str, prefixes: Sequence[str]) -> None:
        if modality not in self.modalities:
            raise ValueError(
                f'`trainable` names the modality {modality!r}, `encoders` has '
                f'{self.modalities}'
            )
        params = dict(getattr(self, modality).named_parameters())
        for prefix in prefixes:
            if not any(n.startswith(f'{prefix}.') for n in params):
                known = sorted({n.split('.')[0] for n in params})
                raise ValueError(
                    f'`trainable`: no parameter of the {modality} encoder is '
                    f'under {prefix!r}; it has {known}'
                )
        for name, param in params.items():
            trained = any(name.startswith(f'{p}.') for p in prefixes)
            param.requires_grad_(param.requires_grad and trained)

    def train(self, mode: bool = True) -> 'MultimodalBackbone':
        """Set the mode; modules without a trained parameter stay in eval."""
        super().train(mode)
        for modality in self.modalities:
            for module in getattr(self, modality).modules():
                params = list(module.parameters())
                if params and not any(p.requires_grad for p in params):
                    module.eval()
        return self

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """Encode the modalities that the batch has.

        Args:
            inputs: Modality -> (N, ...) or (N, M, ...).

        Returns:
            Modality -> (N, D_m), in the order of ``encoders``.

        Raises:
            KeyError: An input without an encoder, or no input at all.
        """
        unknown = sorted(inputs.keys() - set(self.modalities))
        if unknown or not inputs:
            raise KeyError(
                f'`inputs` has {sorted(inputs)}, but the encoders are for '
                f'{self.modalities}; name the keys of the pipeline alike'
            )
        features = {}
        for modality in self.modalities:
            if modality not in inputs:
                continue
            encoder, x = getattr(self, modality), inputs[modality]
            clips = 1
            ndim = _input_ndim(encoder)
            if ndim is not None and x.ndim == ndim + 1:
                clips = x.shape[1]
                x = x.flatten(0, 1)
            feature = global_pool(encoder(x))
            features[modality] = feature.unflatten(0, (-1, clips)).mean(1)
        return features


def _input_ndim(encoder: nn.Module) -> int | None:
    """Dimensions of a batch that the first convolution takes, if any."""
    for module in encoder.modules():
        for ndim, conv in ((3, nn.Conv1d), (4, nn.Conv2d), (5, nn.Conv3d)):
            if isinstance(module, conv):
                return ndim
    return None


def _import_package(type_: str | type) -> None:
    """Register the models of the package that a scoped type names."""
    if isinstance(type_, str) and type_.startswith('mmpretrain.'):
        import mmpretrain.models  # noqa: F401
