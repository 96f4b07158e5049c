# Copyright (c) mmgmp authors.
from collections.abc import Sequence

import torch
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from .encoders import import_package, input_ndim, load_encoder, under


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
    So the statistics of their BatchNorms stay those of the pre-training,
    unless ``norm_eval`` says otherwise.

    An input with one dimension more than the encoder's first convolution
    takes, (N, M, ...), holds M clips or crops of each sample; their features
    are averaged. An encoder without convolutions gets its input as it is.

    Args:
        encoders: Modality -> config of its encoder, any backbone of mmaction,
            mmpretrain or another registered package.
        trainable: Modality -> prefixes of the modules of its encoder that
            are trained, the rest being frozen. An encoder that is not named
            is trained as its own config says.
        pretrained: Modality -> file with the whole state of its encoder
            under ``state_dict``, as ``tools/model_converters/`` write it. It
            is read by :meth:`init_weights`, that is, when training starts.
        random_init: Modality -> prefixes of the modules of its encoder that
            keep their random initialization in spite of ``pretrained``.
        norm_eval: Modality -> whether its frozen modules stay in eval mode,
            True for those that are not named. With False they go to training
            mode with the rest: their BatchNorms normalize by the batch and
            update their running statistics, as in the released code of
            `GMP <https://arxiv.org/abs/2603.14175>`_ for video and flow.
        feature_dropout: Modality -> ratio of the dropout of its pooled
            features, in [0, 1). All that reads the features sees them
            dropped.

    Raises:
        ValueError: A modality name that cannot be a sub-module's, an
            argument that names a modality without an encoder, a prefix that
            matches no parameter, or ``random_init`` without ``pretrained``.
            By :meth:`init_weights`: a file whose tensors are not those of
            the encoder.
        FileNotFoundError: By :meth:`init_weights`: a missing file.

    Example:
        >>> backbone = dict(
        ...     type='MultimodalBackbone',
        ...     encoders=dict(
        ...         video=dict(type='ResNet3dSlowFast', ...),
        ...         audio=dict(
        ...             type='mmpretrain.ResNet', depth=18, in_channels=1)),
        ...     trainable=dict(audio=['layer4']),
        ...     pretrained=dict(audio='checkpoints/resnet18_vggsound.pth'))
    """

    def __init__(
        self,
        encoders: dict[str, dict],
        trainable: dict[str, Sequence[str]] | None = None,
        pretrained: dict[str, str] | None = None,
        random_init: dict[str, Sequence[str]] | None = None,
        norm_eval: dict[str, bool] | None = None,
        feature_dropout: dict[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.modalities = list(encoders)
        self.pretrained = dict(pretrained or {})
        self.random_init = dict(random_init or {})
        self.norm_eval = dict(norm_eval or {})
        self.dropouts = nn.ModuleDict(
            {m: nn.Dropout(p) for m, p in (feature_dropout or {}).items()}
        )
        for modality, encoder in encoders.items():
            if hasattr(self, modality) or '.' in modality:
                raise ValueError(
                    f'`encoders`: {modality!r} cannot name a modality, since '
                    'it is taken by an attribute of the module or holds a dot'
                )
            import_package(encoder['type'])
            self.add_module(modality, MODELS.build(encoder))
        for name, modalities in (
            ('trainable', trainable),
            ('pretrained', pretrained),
            ('random_init', random_init),
            ('norm_eval', norm_eval),
            ('feature_dropout', feature_dropout),
        ):
            self._check_modalities(name, modalities or ())
        for modality, prefixes in (trainable or {}).items():
            self._freeze_rest(modality, prefixes)
        for modality, prefixes in self.random_init.items():
            self._check_prefixes('random_init', modality, prefixes)
            if modality not in self.pretrained:
                raise ValueError(
                    f'`random_init` names the modality {modality!r}, which '
                    'has no `pretrained` file: all of it is random'
                )

    def _check_modalities(self, name: str, modalities: Sequence[str]) -> None:
        for modality in modalities:
            if modality not in self.modalities:
                raise ValueError(
                    f'`{name}` names the modality {modality!r}, `encoders` '
                    f'has {self.modalities}'
                )

    def _check_prefixes(
        self, name: str, modality: str, prefixes: Sequence[str]
    ) -> None:
        names = [n for n, _ in getattr(self, modality).named_parameters()]
        for prefix in prefixes:
            if not under(names, [prefix]):
                known = sorted({n.split('.')[0] for n in names})
                raise ValueError(
                    f'`{name}`: no parameter of the {modality} encoder is '
                    f'under {prefix!r}; it has {known}'
                )

    def _freeze_rest(self, modality: str, prefixes: Sequence[str]) -> None:
        self._check_prefixes('trainable', modality, prefixes)
        params = dict(getattr(self, modality).named_parameters())
        trained = under(params, prefixes)
        for name, param in params.items():
            param.requires_grad_(param.requires_grad and name in trained)

    def init_weights(self) -> None:
        """Initialize the encoders and read the ``pretrained`` files."""
        initialized = self.is_init
        super().init_weights()
        if initialized:
            return
        for modality, path in self.pretrained.items():
            random = self.random_init.get(modality, ())
            load_encoder(modality, getattr(self, modality), path, random)

    def train(self, mode: bool = True) -> 'MultimodalBackbone':
        """Set the mode; modules without a trained parameter stay in eval."""
        super().train(mode)
        for modality in self.modalities:
            if not self.norm_eval.get(modality, True):
                continue
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
            ndim = input_ndim(encoder)
            if ndim is not None and x.ndim == ndim + 1:
                clips = x.shape[1]
                x = x.flatten(0, 1)
            feature = global_pool(encoder(x))
            feature = feature.unflatten(0, (-1, clips)).mean(1)
            if modality in self.dropouts:
                feature = self.dropouts[modality](feature)
            features[modality] = feature
        return features
