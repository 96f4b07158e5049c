# Copyright (c) mmgmp authors.
"""AtomicCheckpointHook: a kill at any file operation loses nothing."""

import logging
import os
from pathlib import Path

import pytest
import torch
from mmengine.hooks import CheckpointHook
from mmengine.runner import ValLoop, find_latest_checkpoint

from mmgmp.utils import AtomicLocalBackend
from tests.utils.killable import (
    CONTEXT,
    equal,
    results,
    start,
    train_toy,
    wait,
)
from tests.utils.toy_run import toy_cfg, toy_runner

BY_ITERATION = {
    'train_cfg': dict(
        _delete_=True, by_epoch=False, max_iters=4, val_interval=2
    ),
    'train_dataloader.sampler.type': 'InfiniteSampler',
    'default_hooks.checkpoint.by_epoch': False,
    'default_hooks.checkpoint.interval': 2,
}


class KilledError(Exception):
    """Replaces a SIGKILL within the process."""


def assert_complete(work_dir):
    """Check that the last checkpoint and the best one in it exist."""
    last = find_latest_checkpoint(work_dir)
    if last is not None:
        hub = torch.load(last, weights_only=False)['message_hub']
        assert Path(hub['runtime_info'].get('best_ckpt', last)).is_file()


@pytest.mark.slow
@pytest.mark.parametrize('options', [{}, BY_ITERATION], ids=['epoch', 'iter'])
def test_kill_at_every_event(options, tmp_path):
    count = CONTEXT.Value('i')
    assert not wait(start(train_toy, tmp_path / 'whole', options, None, count))
    expected = results(tmp_path / 'whole')
    names = ('iter_4', 'iter_4') if options else ('epoch_3', 'epoch_2')
    assert {*expected} == {f'{names[0]}.pth', f'best_acc_{names[1]}.pth'}
    # Each time there are 2 iterations, a validation and a checkpoint of 2
    # files; the first two are the best, in 3 more files. All checkpoints but
    # the last are removed, and the first best one.
    times = 2 if options else 3
    assert count.value == times * (2 + 1 + 2) + 2 * 3 + (times - 1) + 1
    for event in range(1, count.value + 1):
        work_dir = tmp_path / str(event)
        assert wait(start(train_toy, work_dir, options, event))
        assert_complete(work_dir)
        assert not wait(start(train_toy, work_dir, options))
        assert equal(results(work_dir), expected), event
        selected = (work_dir / 'selected').read_text()
        assert selected in expected and selected.startswith('best')


@pytest.mark.parametrize('name', ['fsync', 'replace'])
def test_interrupted_write_leaves_the_old_file(name, monkeypatch, tmp_path):
    path = tmp_path / 'folder' / 'file'
    AtomicLocalBackend().put(b'old', path)

    def kill(*args):
        raise KilledError

    monkeypatch.setattr(os, name, kill)
    with pytest.raises(KilledError):
        AtomicLocalBackend().put(b'new', path)
    assert path.read_bytes() == b'old'
    monkeypatch.undo()
    AtomicLocalBackend().put_text('né', path)
    assert path.read_text(encoding='utf-8') == 'né'
    assert [p.name for p in path.parent.iterdir()] == ['file']


def interrupt_validation(monkeypatch, number):
    """Stop after a validation, before its results are used."""
    original = ValLoop.run
    runs = []

    def run(self):
        runs.append(self.runner.iter)
        if len(runs) == number:
            raise KilledError
        return original(self)

    monkeypatch.setattr(ValLoop, 'run', run)
    return runs


def test_swallowed_validation_is_done_first(monkeypatch, tmp_path):
    runs = interrupt_validation(monkeypatch, 2)
    with pytest.raises(KilledError):
        toy_runner(toy_cfg(tmp_path)).train()
    toy_runner(toy_cfg(tmp_path, resume=True)).train()
    assert runs == [2, 4, 4, 6]
    assert (tmp_path / 'best_acc_epoch_2.pth').is_file()


def test_recorded_validation_is_not_done_again(monkeypatch, tmp_path):
    runs = interrupt_validation(monkeypatch, -1)
    toy_runner(toy_cfg(tmp_path, epochs=2)).train()
    runner = toy_runner(toy_cfg(tmp_path, epochs=2, resume=True))
    runner.train()
    runner.train()
    assert runs == [2, 4]


def test_no_validation_where_the_loop_has_none(monkeypatch, tmp_path):
    runs = interrupt_validation(monkeypatch, -1)
    options = {'train_cfg.val_begin': 2, 'train_cfg.val_interval': 2}
    toy_runner(toy_cfg(tmp_path, epochs=1, **options)).train()
    assert runs == []
    toy_runner(toy_cfg(tmp_path, epochs=3, resume=True, **options)).train()
    assert runs == [4, 6]


def test_no_validation_within_an_epoch(monkeypatch, tmp_path):
    runs = interrupt_validation(monkeypatch, -1)
    options = {
        'default_hooks.checkpoint.by_epoch': False,
        'default_hooks.checkpoint.interval': 3,
        'default_hooks.checkpoint.max_keep_ckpts': -1,
    }
    toy_runner(toy_cfg(tmp_path, epochs=2, **options)).train()
    runs.clear()
    # Iteration 3 is in the second epoch, which is repeated.
    options['load_from'] = str(tmp_path / 'iter_3.pth')
    toy_runner(toy_cfg(tmp_path, epochs=2, resume=True, **options)).train()
    assert runs == [5]


def test_two_hooks_validate_once(monkeypatch, tmp_path):
    runs = interrupt_validation(monkeypatch, 2)
    second = dict(type='AtomicCheckpointHook', save_best='acc', interval=1)
    options = {
        'default_hooks.checkpoint.save_best': None,
        'custom_hooks': [dict(type='StepSeedHook'), second],
    }
    with pytest.raises(KilledError):
        toy_runner(toy_cfg(tmp_path, **options)).train()
    toy_runner(toy_cfg(tmp_path, resume=True, **options)).train()
    assert runs == [2, 4, 4, 6]
    assert (tmp_path / 'best_acc_epoch_2.pth').is_file()


def test_several_metrics(tmp_path):
    options = {'default_hooks.checkpoint.save_best': ['acc', 'val_error']}
    options['default_hooks.checkpoint.rule'] = ['greater', 'greater']
    runner = toy_runner(toy_cfg(tmp_path, epochs=5, **options))
    runner.train()
    # The negative is best at the start.
    assert {path.name for path in tmp_path.glob('*.pth')} == {
        'best_acc_epoch_2.pth',
        'best_val_error_epoch_5.pth',
        'epoch_5.pth',
    }
    hook = next(h for h in runner.hooks if isinstance(h, CheckpointHook))
    assert hook.best_ckpt_path_dict == {
        'acc': str(tmp_path / 'best_acc_epoch_2.pth'),
        'val_error': str(tmp_path / 'best_val_error_epoch_5.pth'),
    }
    resumed = toy_runner(toy_cfg(tmp_path, epochs=5, resume=True, **options))
    resumed.train()
    hook = next(h for h in resumed.hooks if isinstance(h, CheckpointHook))
    assert hook.best_ckpt_path_dict['acc'].endswith('best_acc_epoch_2.pth')


def test_all_checkpoints_are_kept_without_a_bound(tmp_path):
    options = {'default_hooks.checkpoint.max_keep_ckpts': -1}
    toy_runner(toy_cfg(tmp_path, epochs=2, **options)).train()
    assert {path.name for path in tmp_path.glob('epoch_*')} == {
        'epoch_1.pth',
        'epoch_2.pth',
    }
    assert find_latest_checkpoint(tmp_path) == str(tmp_path / 'epoch_2.pth')


def test_given_backend_is_left_alone(tmp_path):
    options = {'default_hooks.checkpoint.backend_args': dict(backend='local')}
    runner = toy_runner(toy_cfg(tmp_path, epochs=1, **options))
    runner.train()
    hook = next(h for h in runner.hooks if isinstance(h, CheckpointHook))
    assert not isinstance(hook.file_backend, AtomicLocalBackend)
    assert torch.load(tmp_path / 'epoch_1.pth', weights_only=False)


@pytest.mark.parametrize('count, warns', [(2, False), (4, True), (3, True)])
def test_accumulation_across_epochs_warns(count, warns, tmp_path, caplog):
    options = {'optim_wrapper.accumulative_counts': count}
    runner = toy_runner(
        toy_cfg(tmp_path, epochs=1, log_level='WARNING', **options)
    )
    runner.logger.addHandler(caplog.handler)
    with caplog.at_level(logging.WARNING):
        runner.train()
    assert warns == (f'`accumulative_counts` {count}' in caplog.text)
