# Copyright (c) mmgmp authors.
"""DomainAccMetric through mmengine's Evaluator, on hand-made predictions."""

import pytest
import torch
from mmaction.registry import METRICS
from mmaction.structures import ActionDataSample
from mmengine.evaluator import Evaluator

import mmgmp  # noqa: F401
from mmgmp.utils.replacements import mark_replacement


def sample(label, domain, num_classes=3, **predicted):
    """A data sample whose branches predict the given classes."""
    data_sample = ActionDataSample(metainfo=dict(filename='clip.mp4'))
    if domain is not None:
        data_sample.set_metainfo(dict(domain_name=domain))
    data_sample.set_gt_label(label)
    eye = torch.eye(num_classes)
    scores = {branch: eye[index] for branch, index in predicted.items()}
    data_sample.set_field(scores, 'pred_score')
    return data_sample


def evaluate(samples, batch_size=2, metric=None):
    metric = metric or METRICS.build(dict(type='DomainAccMetric'))
    evaluator = Evaluator(metric)
    for start in range(0, len(samples), batch_size):
        evaluator.process(samples[start : start + batch_size])
    return evaluator.evaluate(len(samples))


def test_keys_and_values():
    metrics = evaluate(
        [
            sample(0, 'human', fused=0, video=0),
            sample(0, 'human', fused=0, video=1),
            sample(1, 'human', fused=2, video=1),
            sample(2, 'animal', fused=2, video=0),
            sample(2, 'animal', fused=0, video=0),
        ]
    )
    expected = {
        'acc/all/fused/top1': 3 / 5,
        'acc/all/fused/mean1': (1 + 0 + 1 / 2) / 3,
        'acc/all/video/top1': 2 / 5,
        'acc/all/video/mean1': (1 / 2 + 1 + 0) / 3,
        'acc/human/fused/top1': 2 / 3,
        'acc/human/fused/mean1': 1 / 2,
        'acc/human/video/top1': 2 / 3,
        'acc/human/video/mean1': 3 / 4,
        'acc/animal/fused/top1': 1 / 2,
        'acc/animal/fused/mean1': 1 / 2,
        'acc/animal/video/top1': 0,
        'acc/animal/video/mean1': 0,
        'acc/worst/fused/top1': 1 / 2,
        'acc/worst/video/top1': 0,
        'acc/all/clips': 5,
        'acc/all/majority': 2 / 5,
        'acc/all/fused/most_predicted': 3 / 5,
        'acc/all/video/most_predicted': 3 / 5,
        'acc/all/fused/class/0': 1,
        'acc/all/fused/class/1': 0,
        'acc/all/fused/class/2': 1 / 2,
    }
    assert metrics == pytest.approx(expected)
    assert next(iter(metrics)) == 'acc/all/fused/top1'
    assert all(type(value) is float for value in metrics.values())


def test_report_by_domain_branch_and_class():
    metric = METRICS.build(dict(type='DomainAccMetric'))
    assert metric.report == {}
    metric.dataset_meta = dict(classes=('run', 'sit', 'eat'))
    corrupt = sample(2, 'animal', fused=0)
    mark_replacement(dict(data_samples=corrupt), test_mode=True)
    samples = [
        sample(0, 'human', fused=0, video=2),
        sample(0, 'human', fused=1, video=2),
        corrupt,
        sample(2, 'animal', fused=2),
    ]
    metrics = evaluate(samples, metric=metric)
    assert metrics['acc/all/clips'] == 3
    assert metrics['acc/all/fused/class/run'] == 0.5
    assert 'acc/all/fused/class/sit' not in metrics
    assert {*metric.report} == {'all', 'human', 'animal'}
    human = metric.report['human']
    assert human['clips'] == 2
    assert human['class_clips'] == dict(run=2, sit=0, eat=0)
    assert human['majority'] == {'class': 'run', 'share': 1}
    assert human['branches']['fused'] == dict(
        top1=0.5,
        mean1=0.5,
        most_predicted={'class': 'run', 'share': 0.5},
        per_class=dict(run=0.5, sit=None, eat=None),
        confusion=[[1, 1, 0], [0, 0, 0], [0, 0, 0]],
    )
    assert 'confusion' not in human['branches']['video']
    video = metric.report['all']['branches']['video']
    assert video['confusion'] == [[0, 0, 2], [0, 0, 0], [0, 0, 0]]
    assert 'video' not in metric.report['animal']['branches']


def test_one_score_tensor_is_the_fused_branch():
    samples = [sample(0, 'human', fused=0), sample(1, 'human', fused=0)]
    for data_sample in samples:
        data_sample.set_pred_score(data_sample.pred_score['fused'])
    metrics = evaluate(samples)
    assert metrics['acc/human/fused/top1'] == 0.5


def test_branch_that_some_samples_lack_reports_its_count():
    metrics = evaluate(
        [
            sample(0, 'human', fused=0, audio=1),
            sample(0, 'human', fused=0),
            sample(1, 'animal', fused=1, audio=1),
        ]
    )
    assert metrics['acc/human/audio/top1'] == 0
    assert metrics['acc/human/audio/count'] == 1
    assert metrics['acc/all/audio/top1'] == 0.5
    assert metrics['acc/all/audio/count'] == 2
    assert metrics['acc/worst/audio/top1'] == 0
    assert 'acc/animal/audio/count' not in metrics
    assert 'acc/human/fused/count' not in metrics


def test_domain_without_a_branch_has_no_accuracy_and_no_worst():
    metrics = evaluate(
        [
            sample(0, 'human', fused=0, audio=0),
            sample(1, 'animal', fused=1),
        ]
    )
    assert metrics['acc/animal/audio/count'] == 0
    assert 'acc/animal/audio/top1' not in metrics
    assert 'acc/worst/audio/top1' not in metrics
    assert metrics['acc/worst/fused/top1'] == 1


def test_results_hold_no_tensor_and_are_cleared():
    metric = METRICS.build(dict(type='DomainAccMetric'))
    data_sample = sample(0, 'human', fused=0)
    data_sample.pred_score['fused'] = (
        data_sample.pred_score['fused'].bfloat16().requires_grad_()
    )
    metric.process(None, [data_sample.to_dict()])
    (result,) = metric.results
    assert type(result['label']) is int
    assert result['scores']['fused'].dtype == 'float32'
    assert torch.is_tensor(data_sample.pred_score['fused'])
    metric.evaluate(1)
    assert metric.results == []


def test_samples_padded_for_equal_ranks_are_dropped():
    evaluator = Evaluator(METRICS.build(dict(type='DomainAccMetric')))
    evaluator.process(
        [sample(0, 'human', fused=0), sample(1, 'human', fused=0)]
    )
    assert evaluator.evaluate(1)['acc/human/fused/top1'] == 1


@pytest.mark.parametrize(
    ('data_sample', 'message'),
    [
        (sample(0, None, fused=0), 'clip.mp4 has no `domain_name`'),
        (sample(3, 'human', fused=0), r'`gt_label` is 3.*fused.*\(3,\)'),
        (sample(-1, 'human', fused=0), '`gt_label` is -1'),
        (sample([0, 1], 'human', fused=0), 'has 2 labels'),
        (sample(0, 'human'), 'empty `pred_score`'),
        (sample(0, 'worst', fused=0), "neither 'all' nor 'worst'"),
    ],
)
def test_wrong_samples_are_refused(data_sample, message):
    with pytest.raises(ValueError, match=message):
        evaluate([data_sample])


def test_scores_that_are_not_finite_are_refused():
    data_sample = sample(0, 'human', video=0)
    data_sample.pred_score['video'][1] = float('nan')
    with pytest.raises(ValueError, match="'video' is not finite"):
        evaluate([data_sample])


def test_empty_results_are_refused():
    with pytest.raises(ValueError, match='got no samples'):
        evaluate([])
