# Copyright (c) mmgmp authors.
"""Boomda: each term by an independent computation, and hidden labels."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmgmp.models import (
    BalancedCoralLoss,
    Boomda,
    InformationBottleneckLoss,
    TrainBatch,
)
from mmgmp.models.objectives.boomda import vote_pseudo_labels

WIDTHS = dict(video=4, audio=4)
LABELS = torch.tensor([0, -1, 2, 1, -1, -1, 0, -1])
SOURCE, TARGET = LABELS >= 0, LABELS < 0
HIDDEN = torch.full((8,), -1)


def build(**kwargs):
    torch.manual_seed(0)
    return Boomda(in_channels=WIDTHS, num_classes=3, **kwargs)


def make_batch(grad=False):
    torch.manual_seed(1)
    features = {m: torch.randn(8, d) for m, d in WIDTHS.items()}
    for x in features.values():
        x.requires_grad_(grad)
    head = nn.Linear(8, 3)
    logits = head(torch.cat(list(features.values()), dim=1))
    return features, logits


def terms_of(model, features, logits, labels=LABELS, hidden=HIDDEN):
    domains = labels.clamp(max=0)
    batch = TrainBatch({}, features, logits, labels, domains, hidden, 0.0)
    return model(batch, None)


def run(model, hidden=HIDDEN):
    return terms_of(model, *make_batch(), hidden=hidden)


def test_terms():
    model = build(beta=0.3, alpha1=0.7, alpha2=0.2, min_votes=2)
    features, logits = make_batch()
    terms = run(model)
    source = {m: x[SOURCE] for m, x in features.items()}
    target = {m: x[TARGET] for m, x in features.items()}
    unimodal = {m: model.heads[m](x) for m, x in features.items()}
    expected = sum(
        F.cross_entropy(x[SOURCE], LABELS[SOURCE]) for x in unimodal.values()
    )
    torch.testing.assert_close(terms['loss_unimodal_cls'], expected)
    torch.testing.assert_close(
        terms['loss_information'], InformationBottleneckLoss(0.3)(source)
    )
    aligned = BalancedCoralLoss()(source, target)
    torch.testing.assert_close(terms['loss_alignment'], 0.2 * aligned.loss)
    votes = [x[TARGET].argmax(1) for x in (*unimodal.values(), logits)]
    kept, losses = 0, 0.0
    for row, (a, b, c) in enumerate(zip(*(v.tolist() for v in votes))):
        label = a if a in (b, c) else b
        if (a, b, c).count(label) >= 2:
            kept += 1
            losses -= logits[TARGET][row].log_softmax(0)[label].item()
    assert kept > 0
    assert terms['loss_pseudo'].item() == pytest.approx(0.7 * losses / kept)
    assert terms['boomda/kept'].item() == kept / 4
    for block in ('video', 'audio', 'fused'):
        torch.testing.assert_close(
            terms[f'boomda/gamma.{block}'], aligned.gamma[block]
        )
        torch.testing.assert_close(
            terms[f'boomda/discrepancy.{block}'], aligned.block_losses[block]
        )
    torch.testing.assert_close(terms['boomda/ratio'], aligned.ratio)


def test_only_the_four_losses_train():
    terms = run(build())
    losses = {key for key in terms if 'loss' in key}
    assert losses == {
        'loss_unimodal_cls',
        'loss_information',
        'loss_pseudo',
        'loss_alignment',
    }
    assert not any(terms[key].requires_grad for key in terms.keys() - losses)


def test_defaults_are_the_papers():
    model = build()
    assert (model.alpha1, model.alpha2, model.min_votes) == (0.5, 0.1, 3)
    assert model.information.beta == 5e-4
    assert model.alignment.balance == 'closed_form'


def test_source_labels_alone_train_the_source_terms():
    """Gradients of the source terms do not reach the target rows."""
    features, logits = make_batch(grad=True)
    terms = terms_of(build(), features, logits)
    for name in ('loss_unimodal_cls', 'loss_information'):
        grads = torch.autograd.grad(
            terms[name], list(features.values()), retain_graph=True
        )
        for grad in grads:
            assert not grad[TARGET].any()
            assert grad[SOURCE].any(dim=1).all()
    (grad,) = torch.autograd.grad(
        terms['loss_pseudo'], logits, retain_graph=True
    )
    assert not grad[SOURCE].any()
    for grad in torch.autograd.grad(
        terms['loss_alignment'], list(features.values())
    ):
        assert grad.any(dim=1).all()


def test_hidden_labels_are_logged_and_change_nothing_else():
    model = build(min_votes=1)
    plain = run(model)
    assert 'boomda/pseudo_accuracy' not in plain
    accuracies = {}
    for value in (0, 1, 2):
        hidden = torch.where(TARGET, value, -1)
        terms = run(model, hidden)
        accuracies[value] = terms.pop('boomda/pseudo_accuracy').item()
        assert terms.keys() == plain.keys()
        for key, term in terms.items():
            assert torch.equal(term, plain[key]), key
    # Each kept row is right for one of the three.
    assert sum(accuracies.values()) == pytest.approx(1)


def test_nothing_kept():
    """Heads that disagree give no pseudo labels, but finite gradients."""
    model = build()
    for index, head in enumerate(model.heads.values()):
        nn.init.zeros_(head.weight)
        head.bias.data = F.one_hot(torch.tensor(index), 3).float()
    features, logits = make_batch(grad=True)
    hidden = torch.where(TARGET, 0, -1)
    terms = terms_of(model, features, logits, hidden=hidden)
    assert terms['boomda/kept'] == 0
    assert terms['loss_pseudo'] == 0
    assert terms['boomda/pseudo_accuracy'] == 0
    sum(v for k, v in terms.items() if 'loss' in k).backward()
    assert all(x.grad.isfinite().all() for x in features.values())


@pytest.mark.parametrize(
    'labels',
    [
        torch.tensor([0, -1, -1, -1, -1, -1, -1, -1]),
        torch.tensor([0, 1, 2, 0, 1, 2, 0, -1]),
        torch.tensor([0, 1, 2, 0, 1, 2, 0, 1]),
    ],
    ids=['one source row', 'one target row', 'no target row'],
)
def test_batches_of_one(labels):
    features, logits = make_batch(grad=True)
    terms = terms_of(build(), features, logits, labels)
    for key, value in terms.items():
        assert math.isfinite(value.detach()), key
    sum(v for k, v in terms.items() if 'loss' in k).backward()
    assert all(x.grad.isfinite().all() for x in features.values())


def test_source_only_has_the_terms_of_the_source():
    features, logits = make_batch()
    model = build()
    labels = LABELS.clamp(min=0)
    terms = terms_of(model, features, logits, labels)
    assert terms.keys() == {'loss_unimodal_cls', 'loss_information'}
    both = terms_of(model, features, logits)
    alone = terms_of(
        model,
        {m: x[SOURCE] for m, x in features.items()},
        logits[SOURCE],
        LABELS[SOURCE],
        HIDDEN[SOURCE],
    )
    assert all(alone[key] == both[key] for key in alone)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(alpha1=-1), '`alpha1` must be at least 0, got -1'),
        (dict(alpha2=float('nan')), '`alpha2` must be .* finite, got nan'),
        (dict(min_votes=4), r'`min_votes` must be between 1 and .* 3, got 4'),
        (dict(min_votes=0), 'got 0'),
        (dict(beta=-1), '`beta`'),
        (dict(balance='fair'), "got 'fair'"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        build(**arguments)


def logits_of(choices, num_classes=4):
    """One classifier per row of ``choices``, one sample per column."""
    return [
        (3 * F.one_hot(row, num_classes).float() - 1).requires_grad_()
        for row in torch.tensor(choices)
    ]


THREE = [[2, 1, 3, 0], [2, 1, 0, 1], [2, 3, 0, 2]]
FOUR = [[3, 0, 1, 2], [3, 0, 1, 2], [3, 0, 2, 0], [3, 1, 2, 1]]


@pytest.mark.parametrize(
    ('choices', 'min_votes', 'expected'),
    [
        (THREE, 3, [2, -1, -1, -1]),
        (THREE, 2, [2, 1, 0, -1]),
        (THREE, 1, [2, 1, 0, -1]),
        (FOUR, 4, [3, -1, -1, -1]),
        (FOUR, 3, [3, 0, -1, -1]),
        # Two against two is a tie, two against one and one is not.
        (FOUR, 2, [3, 0, -1, 2]),
        ([[0, 1], [1, 2], [2, 3]], 3, [-1, -1]),
    ],
)
def test_votes(choices, min_votes, expected):
    labels, kept = vote_pseudo_labels(logits_of(choices), min_votes)
    assert labels.tolist() == expected
    assert kept.tolist() == [label >= 0 for label in expected]
    assert labels.dtype == torch.int64 and kept.dtype == torch.bool
    assert not labels.requires_grad


def test_votes_on_no_samples():
    labels, kept = vote_pseudo_labels([torch.zeros(0, 4)] * 3, 3)
    assert labels.shape == kept.shape == (0,)


@pytest.mark.parametrize('min_votes', [0, 4])
def test_impossible_number_of_votes(min_votes):
    with pytest.raises(ValueError, match=rf'`min_votes`.*3 .*got {min_votes}'):
        vote_pseudo_labels(logits_of([[0], [1], [2]]), min_votes)
