# Copyright (c) mmgmp authors.
from typing import ClassVar

import torch.nn.functional as F
from mmaction.registry import MODELS
from torch import Tensor, nn

from mmgmp.utils.numbers import check_number

from ..heads.classifier import mean_confidence
from ..recognizers.multimodal_recognizer import MultimodalRecognizer
from ..train_batch import TrainBatch
from .gradient_reversal import check_adversary, gradient_reversal
from .objective import Objective


@MODELS.register_module()
class UnimodalDomainAdversarial(Objective):
    r"""One domain loss per modality, from a shared discriminator.

    This is the adversary of the released code of `GMP
    <https://arxiv.org/abs/2603.14175>`_. The equations of the paper have a
    single loss on all modalities (:class:`DomainAdversarial`).

    .. math::
        D_m = w \, \mathrm{CE}(F(A_m(\mathrm{GRL}_\lambda(\phi_m))), d)

    with a separate projection :math:`A_m` for each modality (linear, ReLU,
    dropout) and a discriminator :math:`F` (linear, BatchNorm, ReLU, linear).

    Args:
        reversal_weight: :math:`\lambda`, at least 0.
        loss_weight: :math:`w`, above 0.
        projection_channels: Output width of :math:`A_m`.
        hidden_channels: Width of the hidden layer of the discriminator.
        dropout_ratio: Dropout of :math:`A_m`, in [0, 1).
        **kwargs: Arguments of :class:`Objective`; at least 2 domains.

    Raises:
        ValueError: There are fewer than two domains, ``reversal_weight`` is
            negative, or another number is out of range.
    """

    tasks: ClassVar[dict[str, str]] = {'loss_domain.*': 'domain'}

    def __init__(
        self,
        reversal_weight: float = 1.0,
        loss_weight: float = 1.0,
        projection_channels: int = 512,
        hidden_channels: int = 256,
        dropout_ratio: float = 0.5,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        num_domains = check_adversary(self.num_domains, reversal_weight)
        check_number('loss_weight', loss_weight, above=0)
        check_number(
            'projection_channels', projection_channels, 1, integer=True
        )
        check_number('hidden_channels', hidden_channels, 1, integer=True)
        check_number('dropout_ratio', dropout_ratio, below=1)
        self.reversal_weight = reversal_weight
        self.loss_weight = loss_weight
        self.projections = nn.ModuleDict(
            {
                m: nn.Sequential(
                    nn.Linear(d, projection_channels),
                    nn.ReLU(),
                    nn.Dropout(dropout_ratio),
                )
                for m, d in self.in_channels.items()
            }
        )
        self.discriminator = nn.Sequential(
            nn.Linear(projection_channels, hidden_channels),
            nn.BatchNorm1d(hidden_channels),
            nn.ReLU(),
            nn.Linear(hidden_channels, num_domains),
        )

    def forward(
        self, batch: TrainBatch, model: MultimodalRecognizer
    ) -> dict[str, Tensor]:
        """Compute the domain losses and the logged domain confidences.

        Args:
            batch: At least 2 samples of the source domains.
            model: Not used.

        Returns:
            ``loss_domain.<m>`` and ``domain_confidence.<m>`` for each
            modality.
        """
        losses = {}
        for modality, feature in batch.features.items():
            feature = gradient_reversal(feature, self.reversal_weight)
            projected = self.projections[modality](feature)
            scores = self.discriminator(projected).float()
            losses[f'loss_domain.{modality}'] = (
                self.loss_weight * F.cross_entropy(scores, batch.domains)
            )
            losses[f'domain_confidence.{modality}'] = mean_confidence(
                scores, batch.domains
            )
        return losses
