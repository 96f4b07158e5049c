# Copyright (c) mmgmp authors.
"""A run keeps to its own folder, wherever that is now."""

import logging
import os
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.hooks import CheckpointHook

from mmgmp.utils.checkpoints import CheckpointError
from tests.utils.toy_run import toy_cfg, toy_runner


def train(work_dir, epochs=3, **options):
    runner = toy_runner(toy_cfg(work_dir, epochs, **options))
    runner.train()
    return runner


def best_path(runner):
    hook = next(h for h in runner.hooks if isinstance(h, CheckpointHook))
    return Path(hook.best_ckpt_path)


def files(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def checkpoints(folder):
    return {path.name for path in folder.glob('*.pth')}


@pytest.fixture
def first(tmp_path):
    """Work dir with the best checkpoint of epoch 2 and the last one."""
    train(tmp_path / 'first')
    return tmp_path / 'first'


def test_run_of_another_folder_loses_nothing(first, tmp_path):
    before = files(first)
    runner = train(
        tmp_path / 'second',
        epochs=4,
        resume=True,
        load_from=str(first / 'epoch_3.pth'),
    )
    assert files(first) == before
    assert checkpoints(tmp_path / 'second') == {
        'best_acc_epoch_2.pth',
        'epoch_4.pth',
    }
    assert best_path(runner) == tmp_path / 'second/best_acc_epoch_2.pth'
    # It goes on even if the first run is deleted.
    shutil.rmtree(first)
    runner = train(tmp_path / 'second', epochs=5, resume=True)
    assert best_path(runner).is_file()


@pytest.mark.parametrize('given', [False, True])
def test_moved_work_dir(given, first, tmp_path, monkeypatch):
    moved = first.rename(tmp_path / 'moved')
    monkeypatch.chdir(moved)
    options = dict(load_from='epoch_3.pth') if given else {}
    runner = train(moved, epochs=4, resume=True, **options)
    assert best_path(runner) == moved / 'best_acc_epoch_2.pth'
    assert checkpoints(moved) == {'best_acc_epoch_2.pth', 'epoch_4.pth'}
    assert not first.exists()


@pytest.mark.parametrize('rule', ['greater', 'less'])
def test_copied_work_dir_leaves_the_original(rule, tmp_path):
    options = {
        'default_hooks.checkpoint.rule': rule,
        'default_hooks.checkpoint.max_keep_ckpts': 1,
    }
    original, copy = tmp_path / 'original', tmp_path / 'copy'
    train(original, epochs=2, **options)
    shutil.copytree(original, copy)
    before = files(original)
    runner = train(copy, epochs=5, resume=True, **options)
    assert files(original) == before
    epoch = dict(greater=2, less=5)[rule]
    assert best_path(runner) == copy / f'best_acc_epoch_{epoch}.pth'
    assert checkpoints(copy) == {f'best_acc_epoch_{epoch}.pth', 'epoch_5.pth'}


def test_work_dir_behind_a_link(first, tmp_path):
    link = tmp_path / 'link'
    link.symlink_to(first)
    runner = train(link, epochs=4, resume=True)
    assert best_path(runner) == link / 'best_acc_epoch_2.pth'
    assert checkpoints(first) == {'best_acc_epoch_2.pth', 'epoch_4.pth'}


def test_links_to_checkpoints_of_another_run(first, tmp_path):
    before = files(first)
    second = tmp_path / 'second'
    second.mkdir()
    (second / 'epoch_3.pth').symlink_to(first / 'epoch_3.pth')
    runner = train(second, epochs=4, resume=True)
    assert files(first) == before
    assert best_path(runner) == second / 'best_acc_epoch_2.pth'
    assert not best_path(runner).is_symlink()


def test_folder_of_checkpoints_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {'default_hooks.checkpoint.out_dir': 'checkpoints'}
    train(tmp_path / 'run', epochs=2, **options)
    (tmp_path / 'run').rename(tmp_path / 'renamed')
    (tmp_path / 'checkpoints/run').rename(tmp_path / 'checkpoints/renamed')
    (tmp_path / 'other').mkdir()
    monkeypatch.chdir(tmp_path / 'other')
    options = {'default_hooks.checkpoint.out_dir': '../checkpoints'}
    runner = train(tmp_path / 'renamed', epochs=3, resume=True, **options)
    folder = tmp_path / 'checkpoints/renamed'
    assert best_path(runner).samefile(folder / 'best_acc_epoch_2.pth')
    assert checkpoints(folder) == {'best_acc_epoch_2.pth', 'epoch_3.pth'}


def test_best_checkpoint_that_is_gone(first, tmp_path, caplog):
    second = tmp_path / 'second'
    second.mkdir()
    shutil.copy(first / 'epoch_3.pth', second)
    (first / 'best_acc_epoch_2.pth').unlink()
    cfg = toy_cfg(second, 5, resume=True, log_level='WARNING')
    runner = toy_runner(cfg)
    runner.logger.addHandler(caplog.handler)
    with caplog.at_level(logging.WARNING):
        runner.train()
    assert 'best_acc_epoch_2.pth, is neither beside it' in caplog.text
    # The best of the epochs 4 and 5.
    assert best_path(runner) == second / 'best_acc_epoch_4.pth'


def test_best_checkpoint_of_another_run_is_not_taken(first, tmp_path):
    second = tmp_path / 'second'
    second.mkdir()
    shutil.copy(first / 'epoch_3.pth', second)
    # Another run has replaced the original.
    path = first / 'best_acc_epoch_2.pth'
    other = torch.load(path)
    other['message_hub']['runtime_info']['best_score'] = 0.75
    torch.save(other, path)
    runner = train(second, epochs=4, resume=True)
    assert best_path(runner) == second / 'best_acc_epoch_4.pth'


def test_record_is_not_needed(first):
    (first / 'last_checkpoint').unlink()
    assert train(first, epochs=4, resume=True).iter == 8
    (first / 'last_checkpoint').write_text('')
    assert train(first, epochs=5, resume=True).iter == 10


def test_missing_checkpoint_is_named(first):
    os.rename(first / 'epoch_3.pth', first / 'epoch_2.pth')
    with pytest.raises(FileNotFoundError, match=r'resume from .*epoch_2'):
        train(first, epochs=4, resume=True)


def test_partly_written_files_are_removed(first):
    (first / '.epoch_4.pth.0123456789abcdef.tmp').write_text('half')
    (first / '.mine.tmp').write_text('kept')
    train(first, epochs=4, resume=True)
    assert [path.name for path in first.glob('.*.tmp')] == ['.mine.tmp']


def test_another_training_in_the_folder_is_refused(first, tmp_path):
    before = files(first)
    with pytest.raises(CheckpointError, match='already has .* of a training'):
        train(first)
    other = tmp_path / 'other'
    train(other, epochs=1)
    with pytest.raises(CheckpointError, match='of another training than'):
        train(
            first, resume=True, load_from=str(other / 'epoch_1.pth'), epochs=4
        )
    changed = {n for n, t in files(first).items() if before.get(n) != t}
    assert not {n for n in changed if n.endswith('.pth')}
