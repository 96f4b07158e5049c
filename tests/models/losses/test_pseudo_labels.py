# Copyright (c) mmgmp authors.
"""Votes of classifiers for the labels of unlabelled samples."""

import pytest
import torch
import torch.nn.functional as F

from mmgmp.models.losses import vote_pseudo_labels


def logits_of(choices, num_classes=4):
    """One classifier per row of ``choices``, one sample per column."""
    return [
        (3 * F.one_hot(row, num_classes).float() - 1).requires_grad_()
        for row in torch.tensor(choices)
    ]


@pytest.mark.parametrize(
    ('min_votes', 'expected'),
    [
        (3, [2, -1, -1, -1]),
        (2, [2, 1, 0, -1]),
        (1, [2, 1, 0, -1]),
    ],
)
def test_three_voters(min_votes, expected):
    logits = logits_of([[2, 1, 3, 0], [2, 1, 0, 1], [2, 3, 0, 2]])
    labels, kept = vote_pseudo_labels(logits, min_votes)
    assert labels.tolist() == expected
    assert kept.tolist() == [label >= 0 for label in expected]
    assert labels.dtype == torch.int64 and kept.dtype == torch.bool
    assert not labels.requires_grad


@pytest.mark.parametrize(
    ('min_votes', 'expected'),
    [
        (4, [3, -1, -1, -1]),
        (3, [3, 0, -1, -1]),
        # Two against two is a tie, two against one and one is not.
        (2, [3, 0, -1, 2]),
    ],
)
def test_four_voters(min_votes, expected):
    logits = logits_of(
        [[3, 0, 1, 2], [3, 0, 1, 2], [3, 0, 2, 0], [3, 1, 2, 1]]
    )
    labels, kept = vote_pseudo_labels(logits, min_votes)
    assert labels.tolist() == expected
    assert torch.equal(kept, labels >= 0)


def test_nobody_is_kept():
    labels, kept = vote_pseudo_labels(logits_of([[0, 1], [1, 2], [2, 3]]), 3)
    assert labels.tolist() == [-1, -1]
    assert not kept.any()


def test_no_samples():
    labels, kept = vote_pseudo_labels([torch.zeros(0, 4)] * 3, 3)
    assert labels.shape == kept.shape == (0,)


@pytest.mark.parametrize('min_votes', [0, 4])
def test_votes_that_cannot_be(min_votes):
    with pytest.raises(ValueError, match=rf'`min_votes`.*3 .*got {min_votes}'):
        vote_pseudo_labels(logits_of([[0], [1], [2]]), min_votes)
