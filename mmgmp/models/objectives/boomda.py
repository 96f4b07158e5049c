# Copyright (c) mmgmp authors.
import functools
from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.dist import all_reduce
from torch import Tensor, nn

from mmgmp.utils.numbers import check_number

from ..losses.coral_losses import BalancedCoralLoss
from ..losses.information_bottleneck_loss import InformationBottleneckLoss
from ..recognizers.multimodal_recognizer import MultimodalRecognizer
from ..train_batch import TrainBatch
from .objective import Objective


def vote_pseudo_labels(
    logits: Sequence[Tensor], min_votes: int
) -> tuple[Tensor, Tensor]:
    """Label unlabelled samples by a vote of several classifiers.

    Each classifier votes for its most probable class. A sample is kept if one
    class has strictly more votes than any other, and at least ``min_votes``
    (:math:`M_v` of `Boomda <https://arxiv.org/abs/2511.08152>`_). A tie is
    never kept.

    Args:
        logits: One (N, K) per classifier.
        min_votes: Votes that a label needs, from 1 to the number of
            classifiers (unanimity).

    Returns:
        Labels (N,) int64, -1 for a sample that is not kept, and a mask of the
        kept samples, (N,) bool. Both have no graph.

    Raises:
        ValueError: ``min_votes`` is out of range.

    Example:
        >>> votes = torch.eye(3)[torch.tensor([[2, 0], [2, 1], [1, 2]])]
        >>> vote_pseudo_labels(list(votes), min_votes=2)
        (tensor([ 2, -1]), tensor([ True, False]))
    """
    if not 1 <= min_votes <= len(logits):
        raise ValueError(
            '`min_votes` must be between 1 and the number of classifiers that '
            f'vote, {len(logits)} (one per modality, and the fused one); got '
            f'{min_votes}'
        )
    choices = torch.stack([scores.detach().argmax(dim=1) for scores in logits])
    counts = F.one_hot(choices, logits[0].shape[1]).sum(dim=0)
    most, labels = counts.max(dim=1)
    winners = (counts == most[:, None]).sum(dim=1)
    kept = (winners == 1) & (most >= min_votes)
    return labels.masked_fill(~kept, -1), kept


@MODELS.register_module()
class Boomda(Objective):
    r"""Balanced alignment of each modality with an unlabelled target.

    The training terms of `Boomda <https://arxiv.org/abs/2511.08152>`_ in
    addition to the cross-entropy of the fused head:

    .. math::
        \sum_{m=1}^{M} \mathrm{CE}(h_m(Z_m^s), y)
        + \frac{\beta}{2} \sum_{b=1}^{M+1} \log |\Sigma_b^s|
        + \alpha_1 \mathrm{CE}(h_{M+1}(Z^t), \bar y)
        + \alpha_2 \sum_{b=1}^{M+1} \gamma_b L_b

    with a separate linear head :math:`h_m` on each modality, pseudo labels
    :math:`\bar y` by a vote of all M+1 heads (:func:`vote_pseudo_labels`) and
    :class:`BalancedCoralLoss`. The features of the paper have one width, see
    :class:`ModalityProjection`. The terms are sums over modalities.

    Args:
        beta: :math:`\beta`, weight of the log-variances.
        alpha1: :math:`\alpha_1`, weight of the pseudo labels.
        alpha2: :math:`\alpha_2`, weight of the alignment. The covariances,
            and therefore a good weight, depend on the scale of the features.
        min_votes: :math:`M_v`, votes that a pseudo label needs. None means 3
            as in the paper (all heads of two modalities), or 2 for a single
            modality.
        balance: See :class:`BalancedCoralLoss`.
        scale: See :class:`BalancedCoralLoss`.
        center: See :class:`BalancedCoralLoss`.
        use_fused_block: See :class:`BalancedCoralLoss`.
        **kwargs: Arguments of :class:`Objective`.

    Raises:
        ValueError: A weight is negative, ``min_votes`` is not between 1 and
            M+1, or :class:`BalancedCoralLoss` rejects an argument.
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
        check_number('alpha1', alpha1)
        check_number('alpha2', alpha2)
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
        self, batch: TrainBatch, model: MultimodalRecognizer
    ) -> dict[str, Tensor]:
        """Compute the loss terms of a batch of both domains, in any order.

        Args:
            batch: Labelled samples of the source, and unlabelled ones of the
                target. Only ``boomda/pseudo_accuracy`` depends on
                ``hidden_labels``.
            model: Not used.

        Returns:
            ``loss_unimodal_cls``, ``loss_information``, ``loss_pseudo``,
            ``loss_alignment``, and logged values: ``boomda/gamma.<block>`` and
            ``boomda/discrepancy.<block>`` (weight and unweighted alignment of
            each modality and of ``fused``), ``boomda/ratio`` (r),
            ``boomda/kept`` (fraction of the target with a pseudo label) and,
            with hidden labels, ``boomda/pseudo_accuracy`` (of the kept
            samples; 0 if there are none). For a batch without target samples,
            only the first two terms are returned; then no rank may have target
            samples.
        """
        unimodal = {
            m: self.heads[m](x).float() for m, x in batch.features.items()
        }
        known = batch.labels >= 0
        source = batch.labelled()
        unimodal_losses = [
            F.cross_entropy(x[known], source.labels) for x in unimodal.values()
        ]
        terms: dict[str, Tensor] = {
            'loss_unimodal_cls': functools.reduce(torch.add, unimodal_losses),
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
    """Average the cross-entropy over the kept rows of all ranks.

    DDP averages the gradients of the ranks, so each rank divides by the mean
    number of kept rows. The value is 0, with a graph, if there are none.
    """
    total = F.cross_entropy(logits, labels, ignore_index=-1, reduction='sum')
    count = kept.sum().to(logits.dtype)
    all_reduce(count, op='mean')
    return total / count.clamp(min=1e-9)
