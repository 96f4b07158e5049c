# Copyright (c) mmgmp authors.
"""train_and_test on a model of one weight, computed by hand."""

import json

import pytest
from mmaction.registry import HOOKS
from mmengine.config import Config
from mmengine.hooks import CheckpointHook, Hook

from mmgmp.apis import train_and_test
from tests.utils import counting_toy


@HOOKS.register_module()
class LoopCounter(Hook):
    events = []

    def before_val(self, runner):
        self.events.append('val')

    def before_test(self, runner):
        self.events.append('test')

    def after_train(self, runner):
        self.events.append('trained')


@pytest.fixture
def cfg(tmp_path):
    LoopCounter.events.clear()
    cfg = Config(counting_toy.settings())
    cfg.custom_hooks.insert(0, dict(type='LoopCounter'))
    cfg.work_dir = str(tmp_path / 'run')
    cfg.experiment_name = tmp_path.name
    return cfg


def test_selected_weights_are_tested_once(cfg, tmp_path):
    summary = train_and_test(cfg)
    written = json.loads((tmp_path / 'run/summary.json').read_text())
    assert written == summary
    seconds = summary.pop('seconds')
    evaluation = summary.pop('evaluation')
    assert evaluation['source']['all']['clips'] == 4
    cartoon = evaluation['target']['cartoon']
    assert cartoon['class_clips'] == dict(off=1, on=3)
    fused = cartoon['branches']['fused']
    # One of the three clips of class 1 is right, and the one of class 0 not.
    assert fused['confusion'] == [[0, 1], [2, 1]]
    assert fused['per_class'] == dict(off=0, on=1 / 3)
    assert summary == dict(
        target='cartoon',
        sources=['human', 'animal'],
        chance=0.5,
        source_top1=dict(fused=1.0, video=0.0, video_unimodal=0.75),
        target_top1=dict(fused=0.25, video=0.75, video_unimodal=0.75),
        selected_epoch=2,
        selected_iter=2,
        checkpoint='best_acc_all_fused_top1_epoch_2.pth',
        seed=3,
        warnings=[],
    )
    assert 0 < seconds < 60
    assert LoopCounter.events == ['val'] * 4 + ['trained', 'val', 'test']
    assert not list(tmp_path.glob('run/*.tmp'))
    best = [path.name for path in tmp_path.glob('run/best_*')]
    assert best == [summary['checkpoint']]


def test_constant_predictions_are_named(cfg):
    # All samples reach their threshold, whatever their class.
    cfg.test_dataloader.dataset.rows = [(1, 1), (1, 0), (1, 0)]
    summary = train_and_test(cfg)
    (warning,) = summary['warnings']
    assert warning.startswith("target: 100.0 % of the predictions are 'on'")
    assert "'off', has only 66.7 % of the clips" in warning


@pytest.mark.parametrize('resume', [False, True])
def test_averaged_weights_are_selected_and_tested(cfg, resume, tmp_path):
    # The averages are 1, 1.5, 2.25 and 3.125, so epoch 3 equals epoch 2 above.
    cfg.custom_hooks.append(dict(type='EMAHook', momentum=0.5))
    if resume:
        cfg.train_cfg.max_epochs = 2
        train_and_test(cfg)
        cfg.train_cfg.max_epochs = 4
        cfg.resume = True
        cfg.experiment_name += '-resumed'
    summary = train_and_test(cfg)
    assert summary['selected_epoch'] == 3
    assert summary['source_top1']['fused'] == 1.0
    assert summary['target_top1']['fused'] == 0.25


def test_evaluating_again_selects_nothing(cfg, monkeypatch):
    scores = []
    original = CheckpointHook.after_val_epoch

    def record(self, runner, metrics):
        scores.append(metrics['acc/all/fused/top1'])
        original(self, runner, metrics)

    monkeypatch.setattr(CheckpointHook, 'after_val_epoch', record)
    train_and_test(cfg)
    assert scores == [0.5, 1, 0.75, 0.75]


@pytest.mark.parametrize('save_best', [None, ['acc/a', 'acc/b']])
def test_save_best_must_name_one_metric(cfg, save_best):
    cfg.default_hooks.checkpoint.save_best = save_best
    with pytest.raises(ValueError, match='`save_best` of CheckpointHook'):
        train_and_test(cfg)
    assert LoopCounter.events == []


@pytest.mark.parametrize('part', ['train', 'val', 'test'])
def test_missing_dataloader(cfg, part):
    cfg[f'{part}_dataloader'] = None
    with pytest.raises(ValueError, match=f'`{part}_dataloader` is missing'):
        train_and_test(cfg)


def test_missing_metric(cfg):
    cfg.test_evaluator = dict(type='AccMetric')
    with pytest.raises(ValueError, match=r'`test_evaluator`.*AccMetric'):
        train_and_test(cfg)
    assert LoopCounter.events == []


def test_missing_classes(cfg):
    cfg.test_dataloader.dataset.classes = ()
    with pytest.raises(ValueError, match='has no class names'):
        train_and_test(cfg)


def test_validation_that_never_ran(cfg):
    cfg.train_cfg.val_begin = 9
    with pytest.raises(ValueError, match='no checkpoint would be'):
        train_and_test(cfg)
    assert 'test' not in LoopCounter.events


def test_moved_run_tests_the_selected_weights(cfg, tmp_path):
    cfg.default_hooks.checkpoint.type = 'AtomicCheckpointHook'
    cfg.train_cfg.max_epochs = 3
    first = train_and_test(cfg)
    (tmp_path / 'run').rename(tmp_path / 'moved')
    cfg.work_dir = str(tmp_path / 'moved')
    cfg.train_cfg.max_epochs = 4
    cfg.resume = True
    cfg.experiment_name += '-moved'
    second = train_and_test(cfg)
    for key in ('source_top1', 'target_top1', 'checkpoint'):
        assert second[key] == first[key]


def test_results_are_not_replaced(cfg, tmp_path):
    train_and_test(cfg)
    before = (tmp_path / 'run/summary.json').read_text()
    config = {
        path.name: path.read_text() for path in tmp_path.glob('run/*.py')
    }
    cfg.randomness.seed = 4
    cfg.experiment_name += '-again'
    with pytest.raises(ValueError, match='`work_dir` .*/run already has'):
        train_and_test(cfg)
    cfg.resume = True
    with pytest.raises(ValueError, match='`randomness.seed` is 4'):
        train_and_test(cfg)
    assert (tmp_path / 'run/summary.json').read_text() == before
    assert config == {
        path.name: path.read_text() for path in tmp_path.glob('run/*.py')
    }
