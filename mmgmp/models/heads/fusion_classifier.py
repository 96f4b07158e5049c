# Copyright (c) mmgmp authors.
import torch.nn.functional as F
from mmaction.registry import MODELS
from torch import Tensor, nn

from mmgmp.utils.numbers import check_number

from ..build_part import build_part
from .classifier import Classifier

UNIMODAL = ('masked', 'split', 'auxiliary')


@MODELS.register_module()
class FusionClassifier(Classifier):
    r"""Fusion followed by a linear layer or an MLP with one hidden layer.

    The uni-modal logits are the prediction of one modality :math:`m` alone,
    :math:`W_m \phi_m` in eq. 5-7 of `GMP
    <https://arxiv.org/abs/2603.14175>`_:

    - ``'masked'``: the classifier on the features of m, with the features of
      the other modalities set to zero, without the output bias. It has no
      parameters.
    - ``'split'``: the columns of the linear layer for m. It has no parameters
      and equals ``'masked'``, but needs a linear classifier on concatenated
      features.
    - ``'auxiliary'``: a separate linear layer for each modality, trained by
      the loss terms of :meth:`auxiliary_losses`. By default its input is
      detached, so it probes the encoder without training it.

    Args:
        in_channels: Modality -> width D_m of its features.
        num_classes: Number of classes K.
        fusion: Config of the fusion, without ``in_channels``. None means
            ``dict(type='ConcatFusion')``.
        hidden_channels: Width of the hidden layer; None for a linear layer.
        dropout_ratio: Dropout after the hidden layer, in [0, 1).
        unimodal: ``'masked'``, ``'split'`` or ``'auxiliary'``.
        detach_auxiliary: Whether the auxiliary layers get detached features.
            If False, their losses also train the encoders.
        auxiliary_loss_weight: Weight of the losses of the auxiliary layers,
            above 0.

    Raises:
        ValueError: ``unimodal`` is unknown, ``'split'`` is used with a hidden
            layer or another fusion than concatenation, dropout without a
            hidden layer, or ``detach_auxiliary`` or ``auxiliary_loss_weight``
            without ``unimodal='auxiliary'``; a number is out of range; or
            ``fusion`` contains widths.
    """

    def __init__(
        self,
        in_channels: dict[str, int],
        num_classes: int,
        fusion: dict | None = None,
        hidden_channels: int | None = None,
        dropout_ratio: float = 0.0,
        unimodal: str = 'masked',
        detach_auxiliary: bool = True,
        auxiliary_loss_weight: float = 1.0,
    ) -> None:
        super().__init__(in_channels, num_classes)
        if unimodal not in UNIMODAL:
            raise ValueError(
                f'`unimodal` must be one of {UNIMODAL}, got {unimodal!r}'
            )
        if dropout_ratio and hidden_channels is None:
            raise ValueError(
                '`dropout_ratio` is for hidden units: set `hidden_channels`, '
                f'or set it to 0, got {dropout_ratio}'
            )
        if hidden_channels is not None:
            check_number('hidden_channels', hidden_channels, 1, integer=True)
        check_number('dropout_ratio', dropout_ratio, below=1)
        check_number('auxiliary_loss_weight', auxiliary_loss_weight, above=0)
        if unimodal != 'auxiliary' and (
            not detach_auxiliary or auxiliary_loss_weight != 1
        ):
            raise ValueError(
                f'`detach_auxiliary`={detach_auxiliary} and '
                f'`auxiliary_loss_weight`={auxiliary_loss_weight} have an '
                f"effect with `unimodal`='auxiliary' only, got "
                f'`unimodal`={unimodal!r}'
            )
        fusion = fusion or {'type': 'ConcatFusion'}
        self.fusion = build_part('fusion', fusion, in_channels=in_channels)
        if unimodal == 'split' and (
            hidden_channels is not None or not hasattr(self.fusion, 'spans')
        ):
            raise ValueError(
                "`unimodal`='split' needs a linear classifier on "
                f'concatenated features, got `hidden_channels`='
                f"{hidden_channels} and `fusion`={fusion}; use 'masked'"
            )
        self.unimodal = unimodal
        self.detach_auxiliary = detach_auxiliary
        self.auxiliary_loss_weight = auxiliary_loss_weight
        width = self.fusion.out_channels
        self.hidden: nn.Linear | None = None
        self.dropout = nn.Dropout(dropout_ratio)
        if hidden_channels is not None:
            self.hidden = nn.Linear(width, hidden_channels)
            width = hidden_channels
        self.output = nn.Linear(width, num_classes)
        self.auxiliary = nn.ModuleDict()
        if unimodal == 'auxiliary':
            self.auxiliary.update(
                {m: nn.Linear(d, num_classes) for m, d in in_channels.items()}
            )

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        """Compute the fused logits, see :class:`Classifier`."""
        hidden = self.embed(features)
        if self.hidden is not None:
            hidden = self.dropout(F.relu(self.hidden(hidden)))
        return self.output(hidden).float()

    def unimodal_logits(
        self, features: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Compute the logits of each modality, see :class:`Classifier`."""
        if self.unimodal == 'auxiliary':
            if self.detach_auxiliary:
                features = {m: f.detach() for m, f in features.items()}
            return {
                m: self.auxiliary[m](f).float() for m, f in features.items()
            }
        if self.unimodal == 'split':
            weight = self.output.weight
            return {
                m: F.linear(f, weight[:, self.fusion.spans[m]]).float()
                for m, f in features.items()
            }
        logits = {}
        for modality, feature in features.items():
            hidden = self.embed({modality: feature})
            if self.hidden is not None:
                hidden = F.relu(self.hidden(hidden))
            logits[modality] = F.linear(hidden, self.output.weight).float()
        return logits

    def embed(self, features: dict[str, Tensor]) -> Tensor:
        """Fuse the features to (N, D), see :class:`Classifier`."""
        return self.fusion(features)

    def auxiliary_losses(
        self, logits: dict[str, Tensor], target: Tensor, name: str
    ) -> dict[str, Tensor]:
        """Compute the weighted cross-entropy of each auxiliary layer.

        Args:
            logits: Output of :meth:`unimodal_logits`.
            target: (N,) int64 classes.
            name: Name of the loss of the fused logits.

        Returns:
            ``<name>.<modality>`` -> scalar; empty unless ``unimodal`` is
            ``'auxiliary'``.
        """
        if self.unimodal != 'auxiliary':
            return {}
        return {
            f'{name}.{m}': self.auxiliary_loss_weight
            * F.cross_entropy(x, target)
            for m, x in logits.items()
        }
