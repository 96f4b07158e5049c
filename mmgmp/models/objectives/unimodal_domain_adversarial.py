# Copyright (c) mmgmp authors.
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from ..losses import mean_confidence
from .gradient_reversal import check_adversary, gradient_reversal


@MODELS.register_module()
class UnimodalDomainAdversarial(BaseModule):
    r"""One domain loss per modality, from a shared discriminator.

    The adversary of the released code of `GMP
    <https://arxiv.org/abs/2603.14175>`_, where the equations have one loss
    on all modalities together (:class:`DomainAdversarial`):

    .. math::
        D_m = w \, \mathrm{CE}(F(A_m(\mathrm{GRL}_\lambda(\phi_m))), d)

    with a projection :math:`A_m` of its own for each modality (linear, ReLU,
    dropout) and a discriminator :math:`F` (linear, BatchNorm, ReLU, linear).

    Args:
        num_domains: Number of source domains C, at least 2.
        in_channels: Modality -> width D_m of its features.
        reversal_weight: :math:`\lambda`, at least 0.
        loss_weight: :math:`w`, above 0.
        projection_channels: Width of what :math:`A_m` gives.
        hidden_channels: Width of the discriminator's hidden layer.
        dropout_ratio: Dropout of :math:`A_m`, in [0, 1).
        train_discriminator: False keeps :math:`A_m` and :math:`F` at their
            random initialization while the encoders are trained against
            them, a defect of the released code. Dropout and BatchNorm
            statistics behave as in training either way.

    Raises:
        ValueError: Fewer than two domains, a negative ``reversal_weight`` or
            a ``loss_weight`` that is not positive.
    """

    def __init__(
        self,
        num_domains: int,
        in_channels: dict[str, int],
        reversal_weight: float = 1.0,
        loss_weight: float = 1.0,
        projection_channels: int = 512,
        hidden_channels: int = 256,
        dropout_ratio: float = 0.5,
        train_discriminator: bool = True,
    ) -> None:
        super().__init__()
        check_adversary(num_domains, reversal_weight)
        if loss_weight <= 0:
            raise ValueError(
                f'`loss_weight` must be above 0, got {loss_weight}'
            )
        self.num_domains = num_domains
        self.reversal_weight = reversal_weight
        self.loss_weight = loss_weight
        self.projections = nn.ModuleDict(
            {
                m: nn.Sequential(
                    nn.Linear(d, projection_channels),
                    nn.ReLU(),
                    nn.Dropout(dropout_ratio),
                )
                for m, d in in_channels.items()
            }
        )
        self.discriminator = nn.Sequential(
            nn.Linear(projection_channels, hidden_channels),
            nn.BatchNorm1d(hidden_channels),
            nn.ReLU(),
            nn.Linear(hidden_channels, num_domains),
        )
        self.requires_grad_(train_discriminator)

    def forward(
        self,
        features: dict[str, Tensor],
        logits: Tensor,
        labels: Tensor,
        domains: Tensor,
    ) -> dict[str, Tensor]:
        """Domain losses and the domain confidences that are logged.

        Args:
            features: Modality -> (N, D_m), N at least 2.
            logits: (N, K) class logits; not used.
            labels: (N,) classes; not used.
            domains: (N,) int64 source domains in [0, C).

        Returns:
            ``<m>_loss_domain`` and ``domain_confidence.<m>`` for each
            modality.
        """
        losses = {}
        for modality, feature in features.items():
            feature = gradient_reversal(feature, self.reversal_weight)
            projected = self.projections[modality](feature)
            scores = self.discriminator(projected).float()
            losses[f'{modality}_loss_domain'] = (
                self.loss_weight * F.cross_entropy(scores, domains)
            )
            losses[f'domain_confidence.{modality}'] = mean_confidence(
                scores, domains
            )
        return losses
