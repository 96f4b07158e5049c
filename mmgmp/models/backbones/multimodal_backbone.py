# Copyright (c) mmgmp authors.
from collections.abc import Iterable, Sequence

from mmaction.registry import MODELS
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmgmp.utils.encoder_weights import convert, read_state_dict
from mmgmp.utils.numbers import check_number

from .encoder_shapes import check_encoder, check_type, pool, split_clips


def under(names: Iterable[str], prefixes: Sequence[str]) -> set[str]:
    """Select the names that start with one of the prefixes and a dot."""
    starts = tuple(f'{prefix}.' for prefix in prefixes)
    return {name for name in names if name.startswith(starts)}


@MODELS.register_module()
class MultimodalBackbone(BaseModule):
    """One encoder per modality, with global average pooling.

    The encoder of a modality is the sub-module of that name, so its parameters
    are under ``backbone.<modality>`` in a recognizer. Modules without any
    trained parameter (frozen by ``trainable`` or by the encoder's own
    ``frozen_stages``) stay in eval mode, and autograd builds no graph for
    them. Their BatchNorms keep the statistics of pre-training, unless
    ``norm_eval`` is False.

    An input with one more dimension than the encoder takes, (N, M, ...), has M
    clips, crops or frames of each sample, whose features are averaged. The
    first convolution tells the number of dimensions; an encoder without one
    gets its input unchanged.

    Args:
        encoders: Modality -> config of its encoder, any backbone of mmaction,
            mmpretrain or another registered package.
        trainable: Modality -> prefixes of the modules of its encoder to train;
            the rest is frozen. For an encoder that is not named here, its own
            config decides what is trained.
        pretrained: Modality -> file with the complete state of its encoder
            under ``state_dict``, as written by ``tools/model_converters/``.
            :meth:`init_weights` reads it when training starts.
        norm_eval: Modality -> whether its frozen modules stay in eval mode;
            True by default. If False, they switch to training mode with the
            rest: their BatchNorms normalize by the batch and update their
            running statistics, as in the released code of
            `GMP <https://arxiv.org/abs/2603.14175>`_ for video and flow.
        feature_dropout: Modality -> dropout ratio of its pooled features, in
            [0, 1). It affects the head and all objectives.

    Raises:
        ValueError: The name of a modality cannot be used for a sub-module, an
            argument names a modality without an encoder, an encoder needs
            several inputs or returns tokens, or a prefix matches no parameter.
            In :meth:`init_weights`: the tensors of a file do not match the
            encoder.
        FileNotFoundError: In :meth:`init_weights`: a file is missing.

    Example::

        backbone = dict(
            type='MultimodalBackbone',
            encoders=dict(
                video=dict(type='ResNet3dSlowFast', ...),
                audio=dict(
                    type='mmpretrain.ResNet', depth=18, in_channels=1)),
            trainable=dict(audio=['layer4']),
            pretrained=dict(audio='checkpoints/resnet18_vggsound.pth'))
    """

    def __init__(
        self,
        encoders: dict[str, dict],
        trainable: dict[str, Sequence[str]] | None = None,
        pretrained: dict[str, str] | None = None,
        norm_eval: dict[str, bool] | None = None,
        feature_dropout: dict[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.modalities = list(encoders)
        self.pretrained = dict(pretrained or {})
        self.norm_eval = dict(norm_eval or {})
        for modality, ratio in (feature_dropout or {}).items():
            check_number(f'feature_dropout.{modality}', ratio, below=1)
        self.dropouts = nn.ModuleDict(
            {m: nn.Dropout(p) for m, p in (feature_dropout or {}).items()}
        )
        for modality, encoder in encoders.items():
            if hasattr(self, modality) or '.' in modality:
                raise ValueError(
                    f'`encoders`: {modality!r} cannot name a modality, '
                    'because the module has an attribute of that name, or the '
                    'name contains a dot'
                )
            if str(encoder['type']).startswith('mmpretrain.'):
                import mmpretrain.models  # noqa: F401, registers them
            check_type(modality, encoder['type'])
            self.add_module(modality, MODELS.build(encoder))
            check_encoder(modality, self.encoder(modality))
        for name, modalities in (
            ('trainable', trainable),
            ('pretrained', pretrained),
            ('norm_eval', norm_eval),
            ('feature_dropout', feature_dropout),
        ):
            self._check_modalities(name, modalities or ())
        for modality, prefixes in (trainable or {}).items():
            self._check_prefixes('trainable', modality, prefixes)
            params = dict(self.encoder(modality).named_parameters())
            for param_name in params.keys() - under(params, prefixes):
                params[param_name].requires_grad_(False)

    def encoder(self, modality: str) -> nn.Module:
        """Get the encoder of a modality."""
        return self.get_submodule(modality)

    def _check_modalities(self, name: str, modalities: Iterable[str]) -> None:
        for modality in modalities:
            if modality not in self.modalities:
                raise ValueError(
                    f'`{name}` names the modality {modality!r}, but '
                    f'`encoders` has {self.modalities}'
                )

    def _check_prefixes(
        self, name: str, modality: str, prefixes: Sequence[str]
    ) -> None:
        names = [n for n, _ in self.encoder(modality).named_parameters()]
        for prefix in prefixes:
            if not under(names, [prefix]):
                known = sorted({n.split('.')[0] for n in names})
                raise ValueError(
                    f'`{name}`: no parameter of the {modality} encoder is '
                    f'under {prefix!r}; it has {known}'
                )

    def init_weights(self) -> None:
        """Initialize the encoders and load the ``pretrained`` files."""
        initialized = self.is_init
        super().init_weights()
        if initialized:
            return
        for modality, path in self.pretrained.items():
            encoder = self.encoder(modality)
            state = self.read_pretrained(modality, path)
            encoder.load_state_dict(state, strict=False)
            print_log(
                f'loaded {len(state)} of {len(encoder.state_dict())} tensors '
                f'of the {modality} encoder from {path}',
                logger='current',
            )

    def read_pretrained(self, modality: str, path: str) -> dict[str, Tensor]:
        """Read the pre-trained tensors of an encoder.

        Args:
            modality: Modality of the encoder.
            path: File with the complete state of the encoder.

        Returns:
            Name in the encoder -> tensor.

        Raises:
            FileNotFoundError: The file is missing.
            pickle.UnpicklingError: The file contains more than weights.
            ValueError: The tensors do not match the encoder. The message
                lists their names.
        """
        expected = self.encoder(modality).state_dict()
        state, report = convert(
            read_state_dict(path, 'state_dict'),
            {name: tensor.shape for name, tensor in expected.items()},
        )
        report.require_complete(
            f'`pretrained` {path} for the {modality} encoder'
        )
        return state

    def train(self, mode: bool = True) -> 'MultimodalBackbone':
        """Set the mode, but keep modules without trained parameters in eval.

        Args:
            mode: Whether to train.
        """
        super().train(mode)
        for modality in self.modalities:
            if not self.norm_eval.get(modality, True):
                continue
            for module in self.encoder(modality).modules():
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
            KeyError: An input has no encoder, or there is no input.
        """
        unknown = sorted(inputs.keys() - set(self.modalities))
        if unknown or not inputs:
            raise KeyError(
                f'`inputs` has {sorted(inputs)}, but the encoders are for '
                f'{self.modalities}: use these names in the pipeline'
            )
        features = {}
        for modality in self.modalities:
            if modality not in inputs:
                continue
            encoder = self.encoder(modality)
            x, clips = split_clips(modality, encoder, inputs[modality])
            feature = pool(encoder, encoder(x))
            feature = feature.unflatten(0, (-1, clips)).mean(1)
            if modality in self.dropouts:
                feature = self.dropouts[modality](feature)
            features[modality] = feature
        return features
