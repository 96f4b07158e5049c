# Copyright (c) mmgmp authors.
import math

import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.logging import MessageHub
from mmengine.model import BaseModule
from torch import Tensor

from ..heads import FusionClassifier
from ..losses import mean_confidence
from .gradient_reversal import check_adversary, gradient_reversal

SCHEDULES = ('constant', 'dann')


@MODELS.register_module()
class DomainAdversarial(BaseModule):
    r"""Domain discriminator behind a gradient reversal.

    Eq. 1-3 of `GMP <https://arxiv.org/abs/2603.14175>`_: the discriminator
    descends the cross-entropy :math:`L_d` of the source domain, the encoders
    ascend :math:`\lambda L_d`.

    Args:
        num_domains: Number of source domains C, at least 2.
        in_channels: Modality -> width D_m of its features.
        reversal_weight: :math:`\lambda`, at least 0. More makes the features
            of the domains more alike and costs classes that differ in the
            same direction.
        schedule: ``'constant'`` (the paper), or ``'dann'``:
            :math:`\lambda (2 / (1 + e^{-10 t}) - 1)` at the share t of the
            runner's iterations. Conflicts are projected on a domain gradient
            that is all noise in the first iterations of ``'dann'``.
        hidden_channels: Width of the discriminator's hidden layer; None for
            a linear one.
        fusion: Config of the fusion, without ``in_channels``. None is
            ``dict(type='ConcatFusion')``.
        unimodal: Where the uni-modal logits come from; see
            :class:`FusionClassifier`.

    Raises:
        ValueError: Fewer than two domains, a negative ``reversal_weight`` or
            an unknown ``schedule``.
    """

    def __init__(
        self,
        num_domains: int,
        in_channels: dict[str, int],
        reversal_weight: float = 1.0,
        schedule: str = 'constant',
        hidden_channels: int | None = 256,
        fusion: dict | None = None,
        unimodal: str = 'masked',
    ) -> None:
        super().__init__()
        check_adversary(num_domains, reversal_weight)
        if schedule not in SCHEDULES:
            raise ValueError(
                f'`schedule` must be one of {SCHEDULES}, got {schedule!r}'
            )
        self.num_domains = num_domains
        self.reversal_weight = reversal_weight
        self.schedule = schedule
        self.discriminator = FusionClassifier(
            in_channels,
            num_domains,
            fusion=fusion,
            hidden_channels=hidden_channels,
            unimodal=unimodal,
        )

    def current_weight(self) -> float:
        """Strength of the reversal at the runner's iteration."""
        if self.schedule == 'constant':
            return self.reversal_weight
        hub = MessageHub.get_current_instance()
        progress = hub.get_info('iter') / hub.get_info('max_iters')
        ramp = 2 / (1 + math.exp(-10 * progress)) - 1
        return self.reversal_weight * ramp

    def forward(
        self,
        features: dict[str, Tensor],
        logits: Tensor,
        labels: Tensor,
        domains: Tensor,
    ) -> dict[str, Tensor]:
        """Domain loss and the domain confidences that are logged.

        Args:
            features: Modality -> (N, D_m).
            logits: (N, K) class logits; not used.
            labels: (N,) classes; not used.
            domains: (N,) int64 source domains in [0, C).

        Returns:
            ``loss_domain``, ``domain_confidence.<m>`` for each modality and,
            for auxiliary uni-modal logits, ``<m>_loss_domain``.
        """
        weight = self.current_weight()
        reversed_features = {
            m: gradient_reversal(f, weight) for m, f in features.items()
        }
        losses = {
            'loss_domain': F.cross_entropy(
                self.discriminator(reversed_features), domains
            )
        }
        unimodal = self.discriminator.unimodal_logits(features)
        losses.update(
            self.discriminator.auxiliary_losses(
                unimodal, domains, 'loss_domain'
            )
        )
        for modality, scores in unimodal.items():
            losses[f'domain_confidence.{modality}'] = mean_confidence(
                scores, domains
            )
        return losses
