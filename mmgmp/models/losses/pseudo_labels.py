# Copyright (c) mmgmp authors.
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def vote_pseudo_labels(
    logits: Sequence[Tensor], min_votes: int
) -> tuple[Tensor, Tensor]:
    """Labels of unlabelled samples by a vote of several classifiers.

    Each classifier votes for its most probable class. A sample is kept if one
    class has strictly more votes than any other, and at least ``min_votes``
    (:math:`M_v` of `Boomda <https://arxiv.org/abs/2511.08152>`_). A tie, which
    takes ``min_votes`` of half the voters or less, is never kept.

    Args:
        logits: One (N, K) per classifier.
        min_votes: Votes that a label takes, from 1 to the number of
            classifiers (unanimity).

    Returns:
        Labels (N,) int64, -1 where a sample is not kept, and whether it is,
        (N,) bool. Neither has a graph.

    Raises:
        ValueError: A ``min_votes`` that is out of range.
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
