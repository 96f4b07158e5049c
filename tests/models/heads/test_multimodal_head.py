# Copyright (c) mmgmp authors.
"""MultimodalHead: losses, confidences, scores."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

from mmgmp.models import FusionClassifier
from mmgmp.models.heads.classifier import mean_confidence
from tests.models.toy import features_batch

IN_CHANNELS = dict(video=5, audio=3)
LABELS = torch.tensor([0, 2, 1, 2])


def build(**kwargs):
    cfg = dict(type='MultimodalHead', num_classes=3, in_channels=IN_CHANNELS)
    return MODELS.build(dict(cfg, classifier=kwargs))


def loss(head, features):
    batch = features_batch(features, LABELS)
    batch = replace(batch, logits=head(features), labels=LABELS)
    return head.loss(batch)


@pytest.fixture
def features():
    return {m: torch.randn(4, d) for m, d in IN_CHANNELS.items()}


@pytest.mark.parametrize('unimodal', ['masked', 'split', 'auxiliary'])
def test_loss_and_confidences(features, unimodal):
    head = build(unimodal=unimodal)
    logits = head(features)
    losses = loss(head, features)
    torch.testing.assert_close(
        losses['loss_cls'], F.cross_entropy(logits, LABELS)
    )
    unimodal_logits = head.classifier.unimodal_logits(features)
    for modality, scores in unimodal_logits.items():
        assert losses[f'semantic_confidence.{modality}'] == mean_confidence(
            scores, LABELS
        )
    auxiliary = {k for k in losses if k.startswith('loss_cls.')}
    assert auxiliary == (
        {'loss_cls.video', 'loss_cls.audio'}
        if unimodal == 'auxiliary'
        else set()
    )


def test_auxiliary_arguments_reach_the_layers(features):
    feature = features['video'].requires_grad_()
    head = build(
        unimodal='auxiliary', detach_auxiliary=False, auxiliary_loss_weight=2.0
    )
    auxiliary = loss(head, features)['loss_cls.video']
    logits = head.classifier.auxiliary['video'](feature)
    torch.testing.assert_close(auxiliary, 2 * F.cross_entropy(logits, LABELS))
    assert torch.autograd.grad(auxiliary, feature)[0].abs().sum() > 0


@pytest.mark.parametrize('classifier', [None, {}, dict(hidden_channels=8)])
def test_classifier_without_a_type(classifier):
    cfg = dict(type='MultimodalHead', classifier=classifier)
    head = MODELS.build(dict(cfg, num_classes=3, in_channels=IN_CHANNELS))
    assert type(head.classifier) is FusionClassifier
    assert (head.classifier.hidden is None) == (not classifier)


def test_scores_of_every_branch(features):
    head = build(hidden_channels=8).eval()
    samples = head.predict(features, [ActionDataSample() for _ in range(4)])
    scores = samples[1].pred_score
    assert set(scores) == {
        'fused',
        'video',
        'audio',
        'video_unimodal',
        'audio_unimodal',
    }
    for branch in scores.values():
        assert branch.shape == (3,)
        torch.testing.assert_close(branch.sum(), torch.tensor(1.0))
    masked = dict(video=features['video'], audio=torch.zeros(4, 3))
    torch.testing.assert_close(scores['video'], head(masked).softmax(1)[1])
    assert samples[1].pred_label == head(features)[1].argmax()


def test_missing_modality_has_no_scores(features):
    head = build()
    alone = dict(audio=features['audio'])
    (sample,) = head.predict(
        {m: f[:1] for m, f in alone.items()}, [ActionDataSample()]
    )
    assert set(sample.pred_score) == {'fused', 'audio', 'audio_unimodal'}
    assert torch.equal(sample.pred_score['fused'], sample.pred_score['audio'])
