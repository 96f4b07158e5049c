# Copyright (c) mmgmp authors.
from typing import TYPE_CHECKING, ClassVar

import torch.nn.functional as F
from mmaction.registry import MODELS
from torch import Tensor, nn

from ..losses import mean_confidence
from ..train_batch import TrainBatch
from .gradient_reversal import check_adversary, gradient_reversal
from .objective import Objective

if TYPE_CHECKING:
    from ..recognizers import MultimodalRecognizer


@MODELS.register_module()
class UnimodalDomainAdversarial(Objective):
    r"""One domain loss per modality, from a shared discriminator.

    The adversary of the released code of `GMP
    <https://arxiv.org/abs/2603.14175>`_, where the equations have one loss
    on all modalities together (:class:`DomainAdversarial`):

    .. math::
        D_m = w \, \mathrm{CE}(F(A_m(\mathrm{GRL}_\lambda(\phi_m))), d)

    with a projection :math:`A_m` of its own for each modality (linear, ReLU,
    dropout) and a discriminator :math:`F` (linear, BatchNorm, ReLU, linear).

    Args:
        reversal_weight: :math:`\lambda`, at least 0.
        loss_weight: :math:`w`, above 0.
        projection_channels: Width of what :math:`A_m` gives.
        hidden_channels: Width of the discriminator's hidden layer.
        dropout_ratio: Dropout of :math:`A_m`, in [0, 1).
        train_discriminator: False keeps :math:`A_m` and :math:`F` at their
            random initialization while the encoders are trained against
            them, a defect of the released code. Dropout and BatchNorm
            statistics behave as in training either way.
        **kwargs: Arguments of :class:`Objective`; at least 2 domains.

    Raises:
        ValueError: Fewer than two domains, a negative ``reversal_weight`` or
            a ``loss_weight`` that is not positive.
    """

    tasks: ClassVar[dict[str, str]] = {'loss_domain.*': 'domain'}

    def __init__(
        self,
        reversal_weight: float = 1.0,
        loss_weight: float = 1.0,
        projection_channels: int = 512,
        hidden_channels: int = 256,
        dropout_ratio: float = 0.5,
        train_discriminator: bool = True,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        check_adversary(self.num_domains, reversal_weight)
        if loss_weight <= 0:
            raise ValueError(
                f'`loss_weight` must be above 0, got {loss_weight}'
            )
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
            nn.Linear(hidden_channels, self.num_domains),
        )
        self.requires_grad_(train_discriminator)

    def forward(
        self, batch: TrainBatch, model: 'MultimodalRecognizer'
    ) -> dict[str, Tensor]:
        """Domain losses and the domain confidences that are logged.

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
