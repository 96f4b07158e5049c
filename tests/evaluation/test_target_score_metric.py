# Copyright (c) mmgmp authors.
"""TargetScoreMetric computes each score without target labels."""

import numpy as np
import pytest
import torch
from mmaction.registry import METRICS

from mmgmp.evaluation.functional import prediction_scores, source_weighting

GENERATOR = np.random.default_rng(0)
SOURCE, TARGET, CLASSES = 30, 20, 3


def make_samples():
    samples = []
    for index in range(SOURCE + TARGET):
        scores = GENERATOR.dirichlet(np.ones(CLASSES))
        sample = dict(
            fused_features=torch.tensor(GENERATOR.normal(size=6)).float(),
            pred_score=dict(fused=torch.tensor(scores).float()),
        )
        if index < SOURCE:
            sample['gt_label'] = torch.tensor([index % CLASSES])
        samples.append(sample)
    return samples


def evaluate(samples, size=16):
    metric = METRICS.build(dict(type='TargetScoreMetric'))
    for start in range(0, len(samples), size):
        metric.process({}, samples[start : start + size])
    return metric.evaluate(len(samples))


def test_each_score():
    samples = make_samples()
    found = evaluate(samples)
    features = np.stack([s['fused_features'].numpy() for s in samples])
    scores = np.stack([s['pred_score']['fused'].numpy() for s in samples])
    labels = np.arange(SOURCE) % CLASSES
    source, target = features[:SOURCE], features[SOURCE:]
    probabilities = scores[SOURCE:].astype(np.float64)
    losses = [-np.log(row[k]) for row, k in zip(scores, labels)]
    correct = scores[:SOURCE].argmax(1) == labels
    expected = dict(
        iw=source_weighting.importance_weighted_accuracy(
            source, target, correct
        ),
        dev=source_weighting.deep_embedded_validation(source, target, losses),
        entropy=prediction_scores.entropy_score(probabilities),
        im=prediction_scores.information_maximization(probabilities),
        snd=prediction_scores.soft_neighborhood_density(probabilities),
        bnm=prediction_scores.batch_nuclear_norm(probabilities),
        classes_used=prediction_scores.classes_used(probabilities),
    )
    assert found == pytest.approx(
        {f'score/{k}': v for k, v in expected.items()}
    )


def test_replacements_of_corrupt_clips_are_left_out():
    samples = make_samples()
    kept = [s for i, s in enumerate(samples) if i not in (3, 40)]
    before = evaluate(kept)
    for index in (3, 40):
        samples[index].pop('gt_label', None)
        samples[index]['is_replacement'] = True
    assert evaluate(samples) == before


def test_hidden_labels_are_not_read():
    samples = make_samples()
    before = evaluate(samples)
    for index, sample in enumerate(samples):
        if index >= SOURCE:
            sample['hidden_label'] = index % CLASSES
    assert evaluate(samples) == before


def test_certain_mistake_has_a_finite_loss():
    samples = make_samples()
    samples[0]['pred_score']['fused'] = torch.tensor([0.0, 1.0, 0.0])
    assert all(map(np.isfinite, evaluate(samples).values()))


@pytest.mark.parametrize('part', [slice(SOURCE), slice(SOURCE, None)])
def test_both_domains_are_needed(part):
    with pytest.raises(ValueError, match='are unlabelled: concatenate both'):
        evaluate(make_samples()[part])


def test_head_without_features_is_named():
    samples = make_samples()
    del samples[3]['fused_features']
    with pytest.raises(ValueError, match='MultimodalHead'):
        evaluate(samples)
