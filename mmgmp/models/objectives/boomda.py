# Copyright (c) mmgmp authors.
from typing import TYPE_CHECKING, ClassVar

import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.dist import all_reduce
from torch import Tensor, nn

from ..losses import (
    BalancedCoralLoss,
    InformationBottleneckLoss,
    vote_pseudo_labels,
)
from ..train_batch import TrainBatch
from .objective import Objective

if TYPE_CHECKING:
    from ..recognizers import MultimodalRecognizer


@MODELS.register_module()
class Boomda(Objective):
    r"""Balanced alignment of each modality with an unlabelled target.

    The training terms of `Boomda <https://arxiv.org/abs/2511.08152>`_ besides
    the cross-entropy of the fused head:

    .. math::
        \sum_{m=1}^{M} \mathrm{CE}(h_m(Z_m^s), y)
        + \frac{\beta}{2} \sum_{b=1}^{M+1} \log |\Sigma_b^s|
        + \alpha_1 \mathrm{CE}(h_{M+1}(Z^t), \bar y)
        + \alpha_2 \sum_{b=1}^{M+1} \gamma_b L_b

    with linear heads :math:`h_m` of its own on each modality, pseudo labels
    :math:`\bar y` by a vote of all M+1 heads (:func:`vote_pseudo_labels`) and
    :class:`BalancedCoralLoss`. The paper has features of one width, see
    :class:`ModalityProjection`, and averages nothing over modalities.

    Args:
        beta: :math:`\beta`, weight of the log-variances.
        alpha1: :math:`\alpha_1`, weight of the pseudo labels.
        alpha2: :math:`\alpha_2`, weight of the alignment. The covariances,
            and with them a good weight, depend on the scale of the features.
        min_votes: :math:`M_v`, votes that a pseudo label takes. None is the
            paper's 3, all heads of two modalities, or 2 for one modality.
        balance: See :class:`BalancedCoralLoss`.
        scale: See :class:`BalancedCoralLoss`.
        center: See :class:`BalancedCoralLoss`.
        use_fused_block: See :class:`BalancedCoralLoss`.
        **kwargs: Arguments of :class:`Objective`.

    Raises:
        ValueError: A negative weight, a ``min_votes`` that is not between 1
            and M+1, or an argument that :class:`BalancedCoralLoss` refuses.
    """

    tasks: ClassVar[dict[str, str]] = {
        'loss_unimodal_cls': 'semantic',
        'loss_pseudo': 'semantic',
        'loss_information': 'plain',
        'loss_alignment': 'plain',
    }
    uses_unlabelled: ClassVar[bool] = True

    def __init__(
        self,
        beta: float = 5e-4,
        alpha1: float = 0.5,
        alpha2: float = 0.1,
        min_votes: int | None = None,
        balance: str = 'closed_form',
        scale: str = 'none',
        center: bool = True,
        use_fused_block: bool = True,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if min(alpha1, alpha2) < 0:
            raise ValueError(
                '`alpha1` and `alpha2` must be at least 0, got '
                f'{alpha1} and {alpha2}'
            )
        num_heads = len(self.in_channels) + 1
        if min_votes is None:
            min_votes = min(3, num_heads)
        if not 1 <= min_votes <= num_heads:
            raise ValueError(
                '`min_votes` must be between 1 and the number of heads, '
                f'{num_heads}, got {min_votes}'
            )
        self.alpha1 = alpha1
        self.alpha2 = alpha2
        self.min_votes = min_votes
        self.heads = nn.ModuleDict(
            {
                m: nn.Linear(d, self.num_classes)
                for m, d in self.in_channels.items()
            }
        )
        self.information = InformationBottleneckLoss(beta)
        self.alignment = BalancedCoralLoss(
            balance, scale, center, use_fused_block
        )

    def forward(
        self, batch: TrainBatch, model: 'MultimodalRecognizer'
    ) -> dict[str, Tensor]:
        """Loss terms of a batch of both domains, in any order.

        Args:
            batch: Samples of the source, and of the target without labels.
                Only ``boomda/pseudo_accuracy`` depends on ``hidden_labels``.
            model: Not used.

        Returns:
            ``loss_unimodal_cls``, ``loss_information``, ``loss_pseudo``,
            ``loss_alignment``, and what is logged: ``boomda/gamma.<block>``
            and ``boomda/discrepancy.<block>`` (weight and unweighted
            alignment of each modality and of ``fused``), ``boomda/ratio``
            (r), ``boomda/kept`` (share of the target with a pseudo label)
            and, if there are hidden labels, ``boomda/pseudo_accuracy`` (of
            the kept ones; 0 if there are none). A batch without a target,
            which must then be so on all ranks, has the first two alone.
        """
        unimodal = {
            m: self.heads[m](x).float() for m, x in batch.features.items()
        }
        known = batch.labels >= 0
        source = batch.labelled()
        terms = {
            'loss_unimodal_cls': sum(
                F.cross_entropy(x[known], source.labels)
                for x in unimodal.values()
            ),
            'loss_information': self.information(source.features),
        }
        if source is batch:
            return terms
        target = batch.unlabelled()
        aligned = self.alignment(source.features, target.features)
        pseudo, kept = vote_pseudo_labels(
            [*(x[~known] for x in unimodal.values()), target.logits],
            self.min_votes,
        )
        terms.update(
            {
                'loss_pseudo': self.alpha1
                * _mean_of_kept(target.logits, pseudo, kept),
                'loss_alignment': self.alpha2 * aligned.loss,
                'boomda/ratio': aligned.ratio,
                'boomda/kept': kept.float().mean(),
            }
        )
        for block, gamma in aligned.gamma.items():
            terms[f'boomda/gamma.{block}'] = gamma
            terms[f'boomda/discrepancy.{block}'] = aligned.block_losses[block]
        hidden = target.hidden_labels
        if bool((hidden >= 0).any()):
            right = (pseudo == hidden) & kept
            terms['boomda/pseudo_accuracy'] = right.sum() / kept.sum().clamp(
                min=1
            )
        return terms


def _mean_of_kept(logits: Tensor, labels: Tensor, kept: Tensor) -> Tensor:
    """Cross-entropy of the kept rows, as a mean over those of all ranks.

    The gradients of the ranks are averaged, so each divides by the mean
    number of kept rows; 0 with a graph if there is none.
    """
    total = F.cross_entropy(logits, labels, ignore_index=-1, reduction='sum')
    count = kept.sum().to(logits.dtype)
    all_reduce(count, op='mean')
    return total / count.clamp(min=1e-9)
