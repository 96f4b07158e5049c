# Copyright (c) mmgmp authors.
import math
from typing import ClassVar

import torch.nn.functional as F
from mmaction.registry import MODELS
from torch import Tensor

from ..heads.classifier import build_classifier, mean_confidence
from ..recognizers.multimodal_recognizer import MultimodalRecognizer
from ..train_batch import TrainBatch
from .gradient_reversal import check_adversary, gradient_reversal
from .objective import Objective

SCHEDULES = ('constant', 'dann')


@MODELS.register_module()
class DomainAdversarial(Objective):
    r"""Domain discriminator behind a gradient reversal layer.

    Eq. 1-3 of `GMP <https://arxiv.org/abs/2603.14175>`_: the discriminator
    minimizes the cross-entropy :math:`L_d` of the source domain, and the
    encoders maximize :math:`\lambda L_d`.

    Args:
        reversal_weight: :math:`\lambda`, at least 0. A larger weight aligns
            the domains more, at the expense of classes that differ in the
            same direction.
        schedule: ``'constant'`` (the paper), or ``'dann'``:
            :math:`\lambda (2 / (1 + e^{-10 t}) - 1)` at the fraction t of
            the training. In the first iterations of ``'dann'``, conflicts
            are projected onto a domain gradient that is mostly noise.
        discriminator: Config of a :class:`Classifier` of the domains. The
            default ``type`` is :class:`FusionClassifier`. None means
            ``dict(hidden_channels=256)``.
        **kwargs: Arguments of :class:`Objective`; at least 2 domains.

    Raises:
        ValueError: There are fewer than two domains, ``reversal_weight`` is
            negative, or ``schedule`` is unknown.
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
        num_domains = check_adversary(self.num_domains, reversal_weight)
        if schedule not in SCHEDULES:
            raise ValueError(
                f'`schedule` must be one of {SCHEDULES}, got {schedule!r}'
            )
        self.reversal_weight = reversal_weight
        self.schedule = schedule
        if discriminator is None:
            discriminator = {'hidden_channels': 256}
        self.discriminator = build_classifier(
            'discriminator', discriminator, self.in_channels, num_domains
        )

    def current_weight(self, progress: float) -> float:
        """Compute the current strength of the reversal.

        Args:
            progress: Completed fraction of the training, in [0, 1].
        """
        if self.schedule == 'constant':
            return self.reversal_weight
        ramp = 2 / (1 + math.exp(-10 * progress)) - 1
        return self.reversal_weight * ramp

    def forward(
        self, batch: TrainBatch, model: MultimodalRecognizer
    ) -> dict[str, Tensor]:
        """Compute the domain loss and the logged domain confidences.

        Args:
            batch: Samples of the source domains.
            model: Not used.

        Returns:
            ``loss_domain``, ``domain_confidence.<m>`` for each modality, and
            ``loss_domain.<m>`` for auxiliary uni-modal logits.
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
