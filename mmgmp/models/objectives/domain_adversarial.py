# Copyright (c) mmgmp authors.
import math
from typing import TYPE_CHECKING, ClassVar

import torch.nn.functional as F
from mmaction.registry import MODELS
from torch import Tensor

from ..heads import build_classifier
from ..losses import mean_confidence
from ..train_batch import TrainBatch
from .gradient_reversal import check_adversary, gradient_reversal
from .objective import Objective

if TYPE_CHECKING:
    from ..recognizers import MultimodalRecognizer

SCHEDULES = ('constant', 'dann')


@MODELS.register_module()
class DomainAdversarial(Objective):
    r"""Domain discriminator behind a gradient reversal.

    Eq. 1-3 of `GMP <https://arxiv.org/abs/2603.14175>`_: the discriminator
    descends the cross-entropy :math:`L_d` of the source domain, the encoders
    ascend :math:`\lambda L_d`.

    Args:
        reversal_weight: :math:`\lambda`, at least 0. More makes the features
            of the domains more alike and costs classes that differ in the
            same direction.
        schedule: ``'constant'`` (the paper), or ``'dann'``:
            :math:`\lambda (2 / (1 + e^{-10 t}) - 1)` at the share t of the
            training. Conflicts are projected on a domain gradient that is all
            noise in the first iterations of ``'dann'``.
        discriminator: Config of a :class:`Classifier` of the domains; without
            a ``type`` that of a :class:`FusionClassifier`. None is
            ``dict(hidden_channels=256)``.
        **kwargs: Arguments of :class:`Objective`; at least 2 domains.

    Raises:
        ValueError: Fewer than two domains, a negative ``reversal_weight`` or
            an unknown ``schedule``.
    """

    tasks: ClassVar[dict[str, str]] = {
        'loss_domain': 'domain',
        'loss_domain.*': 'domain',
    }

    def __init__(
        self,
        reversal_weight: float = 1.0,
        schedule: str = 'constant',
        discriminator: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        check_adversary(self.num_domains, reversal_weight)
        if schedule not in SCHEDULES:
            raise ValueError(
                f'`schedule` must be one of {SCHEDULES}, got {schedule!r}'
            )
        self.reversal_weight = reversal_weight
        self.schedule = schedule
        if discriminator is None:
            discriminator = {'hidden_channels': 256}
        self.discriminator = build_classifier(
            'discriminator', discriminator, self.in_channels, self.num_domains
        )

    def current_weight(self, progress: float) -> float:
        """Strength of the reversal.

        Args:
            progress: Share of the training that is done, in [0, 1].
        """
        if self.schedule == 'constant':
            return self.reversal_weight
        ramp = 2 / (1 + math.exp(-10 * progress)) - 1
        return self.reversal_weight * ramp

    def forward(
        self, batch: TrainBatch, model: 'MultimodalRecognizer'
    ) -> dict[str, Tensor]:
        """Domain loss and the domain confidences that are logged.

        Args:
            batch: Samples of the source domains.
            model: Not used.

        Returns:
            ``loss_domain``, ``domain_confidence.<m>`` for each modality and,
            for auxiliary uni-modal logits, ``loss_domain.<m>``.
        """
        features, domains = batch.features, batch.domains
        weight = self.current_weight(batch.progress)
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
