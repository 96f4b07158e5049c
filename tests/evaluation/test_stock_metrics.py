# Copyright (c) mmgmp authors.
"""Stock metrics read our predictions, and no metric scores a replacement."""

import pickle

import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.evaluator import BaseMetric, Evaluator

from mmgmp.evaluation import DomainAccMetric
from mmgmp.evaluation.stock_metrics import leave_out_replacements
from mmgmp.utils import register_all_modules
from mmgmp.utils.replacements import is_replacement, mark_replacement
from tests.utils.ranks import run_ranks

ALL = [
    dict(type='DomainAccMetric'),
    dict(type='AccMetric', metric_options=dict(top_k_accuracy=dict(topk=1))),
    dict(type='ConfusionMatrix'),
]


def sample(number, label, fused, corrupt=False):
    data_sample = ActionDataSample(
        metainfo=dict(filename=f'{number}.mp4', domain_name='sea')
    )
    data_sample.set_gt_label(label)
    if corrupt:
        mark_replacement(dict(data_samples=data_sample), test_mode=True)
    scores = torch.eye(3)
    data_sample.set_field(
        dict(fused=scores[fused], video=scores[0]), 'pred_score'
    )
    return data_sample


# Three of five are scored, two of them right.
SAMPLES = [
    sample(0, 1, 1),
    sample(1, 2, 2, corrupt=True),
    sample(2, 2, 1),
    sample(3, 0, 0),
    sample(4, 0, 0, corrupt=True),
]
SCORES = {
    'acc/all/fused/top1': 2 / 3,
    'acc/all/video/top1': 1 / 3,
    'acc/fused_top1': 2 / 3,
    'acc/video_top1': 1 / 3,
}
MATRIX = [[1, 0, 0], [0, 1, 0], [0, 1, 0]]


def evaluate(samples, metrics, size, batch_size=2):
    evaluator = Evaluator(metrics)
    for _ in range(2):  # two epochs
        leave_out_replacements(evaluator)
        for start in range(0, len(samples), batch_size):
            evaluator.process(samples[start : start + batch_size])
        results = evaluator.evaluate(size)
    return results


def check(results):
    matrix = results['confusion_matrix/result']
    assert matrix.tolist() == MATRIX
    found = {key: float(results[key]) for key in SCORES}
    assert found == pytest.approx(SCORES)


def test_marked_sample():
    assert is_replacement(SAMPLES[1]) and is_replacement(SAMPLES[1].to_dict())
    assert not is_replacement(SAMPLES[0].to_dict())
    assert 'gt_label' not in SAMPLES[1]
    trained = sample(0, 1, 1)
    mark_replacement(dict(data_samples=trained), test_mode=False)
    assert is_replacement(trained) and trained.gt_label == 1
    for data in (None, dict(imgs=[])):
        assert mark_replacement(data, test_mode=True) is data


@pytest.mark.parametrize('batch_size', [1, 2, 5])
def test_scores_without_replacements(batch_size):
    check(evaluate(SAMPLES, ALL, len(SAMPLES), batch_size))


def test_dump(tmp_path):
    path = tmp_path / 'a.pkl'
    dump = dict(type='DumpResults', out_file_path=str(path))
    evaluate(SAMPLES, [dump], len(SAMPLES))
    names = [item['filename'] for item in pickle.loads(path.read_bytes())]
    assert names == ['0.mp4', '2.mp4', '3.mp4']


def test_scores_of_one_tensor_are_unchanged():
    samples = [sample(0, 1, 2), sample(1, 0, 0)]
    for data_sample in samples:
        data_sample.set_pred_score(data_sample.pred_score['fused'])
    results = evaluate(samples, [dict(type='ConfusionMatrix')], 2)
    matrix = results['confusion_matrix/result']
    assert matrix.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_our_metric_needs_no_help():
    evaluator = Evaluator([dict(type='DomainAccMetric')])
    evaluator.process(SAMPLES)
    results = evaluator.evaluate(len(SAMPLES))
    assert results['acc/sea/fused/top1'] == pytest.approx(2 / 3)


def _evaluate_on_rank(rank):
    register_all_modules()
    # Six places on two ranks: the first sample pads the last one.
    metric = DomainAccMetric()
    metrics = [metric, *ALL[1:]]
    samples = [*SAMPLES, SAMPLES[0]][rank::2]
    check(evaluate(samples, metrics, len(SAMPLES)))
    group = metric.report['all']  # on both ranks
    assert group['clips'] == 3
    assert group['branches']['fused']['confusion'] == MATRIX
    return rank


def test_two_ranks(tmp_path):
    assert run_ranks(_evaluate_on_rank, tmp_path) == [0, 1]


def test_nothing_to_score():
    corrupt = [SAMPLES[1], SAMPLES[4]]
    with pytest.raises(ValueError, match='all 2 samples are corrupt'):
        evaluate(corrupt, [dict(type='AccMetric')], 2)


class OneResult(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.append(len(data_samples))

    def compute_metrics(self, results):
        return dict(count=sum(results))


def test_metric_without_a_result_for_each_sample():
    metric = OneResult(prefix='x')
    assert evaluate(SAMPLES[2:4], [metric], 2) == {'x/count': 2}
    with pytest.raises(ValueError, match='OneResult cannot leave out'):
        evaluate(SAMPLES[:4], [metric], 4, batch_size=4)
