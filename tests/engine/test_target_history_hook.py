# Copyright (c) mmgmp authors.
"""TargetHistoryHook records target results without affecting training."""

import json

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from tests.utils import counting_toy
from tests.utils.toy_run import toy_cfg, toy_runner

FUSED = 'acc/all/fused/top1'


@pytest.fixture
def cfg(tmp_path):
    cfg = Config(counting_toy.settings())
    cfg.work_dir = str(tmp_path)
    cfg.experiment_name = tmp_path.name
    cfg.custom_hooks.append(dict(type='TargetHistoryHook'))
    return cfg


def history_of(folder):
    return json.loads((folder / 'target_history.json').read_text())


def test_record(cfg, tmp_path):
    cfg.train_cfg.val_begin = 2
    runner = Runner.from_cfg(cfg)
    runner.train()
    history = history_of(tmp_path)
    assert {
        key: (r['epoch'], r['source'][FUSED], r['target'][FUSED])
        for key, r in history.items()
    } == {'2': (2, 1, 0.25), '3': (3, 0.75, 0.75), '4': (4, 0.75, 0.75)}
    seconds = [record['seconds'] for record in history.values()]
    assert seconds == sorted(seconds)
    # A validation after the training is not recorded.
    runner.val_loop.run()
    assert history_of(tmp_path) == history


def test_averaged_weights_are_tested(cfg, tmp_path):
    # The averages are 1, 1.5, 2.25 and 3.125.
    cfg.custom_hooks.append(dict(type='EMAHook', momentum=0.5))
    runner = Runner.from_cfg(cfg)
    runner.train()
    history = history_of(tmp_path)
    accuracies = [record['target'][FUSED] for record in history.values()]
    assert accuracies == [0, 0, 0.25, 0.75]
    assert float(runner.model.weight) == 4


def test_a_longer_record_of_a_former_run_is_cut(cfg, tmp_path):
    path = tmp_path / 'target_history.json'
    path.write_text(json.dumps({'9': dict(seconds=1000)}))
    Runner.from_cfg(cfg).train()
    history = history_of(tmp_path)
    assert list(history) == ['1', '2', '3', '4']
    assert history['4']['seconds'] < 1000


@pytest.mark.parametrize(
    'text', ['{"1": {"ep', '[1]', '{"0": {}}', '{"a": 1}']
)
def test_damaged_record(cfg, tmp_path, text):
    path = tmp_path / 'target_history.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=f'{path} is damaged'):
        Runner.from_cfg(cfg).train()
    assert path.read_text() == text


def test_training_does_not_depend_on_it(tmp_path):
    """Training draws random numbers from the global generators here."""
    records = []
    for hooks in ([], [dict(type='TargetHistoryHook')]):
        cfg = toy_cfg(tmp_path / str(len(hooks)), custom_hooks=hooks)
        cfg.test_dataloader = cfg.val_dataloader
        cfg.test_evaluator = cfg.val_evaluator
        cfg.test_cfg = dict()
        runner = toy_runner(cfg)
        runner.train()
        records.append((runner.model.record, runner.model.state_dict()))
    (samples, weights), (same_samples, same_weights) = records
    assert len(history_of(tmp_path / '1')) == 3
    for (drawn, mask), (same_drawn, same_mask) in zip(
        samples, same_samples, strict=True
    ):
        assert drawn == same_drawn
        assert torch.equal(mask, same_mask)
    for name, weight in weights.items():
        assert torch.equal(weight, same_weights[name])


@pytest.mark.parametrize('epoch', [2, 4])
def test_validation_that_a_kill_prevented_is_recorded(
    cfg, tmp_path, monkeypatch, epoch
):
    """The checkpoint exists, but its validation was interrupted."""
    cfg.default_hooks.checkpoint.type = 'AtomicCheckpointHook'
    predict = counting_toy.CountingToyModel.predict

    def fail(self, *sample):
        if self.weight > epoch - 0.5:
            raise RuntimeError('killed')
        return predict(self, *sample)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(counting_toy.CountingToyModel, 'predict', fail)
        Runner.from_cfg(cfg).train()
    assert list(history_of(tmp_path)) == ['1', '2', '3'][: epoch - 1]
    cfg.resume = True
    cfg.experiment_name += '_again'
    Runner.from_cfg(cfg).train()
    history = history_of(tmp_path)
    assert list(history) == ['1', '2', '3', '4']
    accuracies = [record['target'][FUSED] for record in history.values()]
    assert accuracies == [0, 0.25, 0.75, 0.75]
