# Copyright (c) mmgmp authors.
"""A run resumes only what is its own."""

import pytest
import torch
from mmengine.config import Config

from mmgmp.utils.checkpoints import CheckpointError
from mmgmp.utils.resume import (
    changed_settings,
    check_resumable,
    claim_run,
)

SETTINGS = dict(
    model=dict(type='A', layers=[dict(type='B', width=3), dict(type='C')]),
    optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
    param_scheduler=[dict(type='StepLR', step_size=2)],
    train_cfg=dict(by_epoch=True, max_epochs=4),
    train_dataloader=dict(num_workers=0, batch_size=8),
    randomness=dict(seed=3),
    work_dir='first',
)


def checkpoint(**meta):
    cfg = Config(SETTINGS)
    meta = dict(dict(epoch=2, iter=6, seed=3, cfg=cfg.pretty_text), **meta)
    return dict(meta=meta, optimizer={}, param_schedulers=[], message_hub={})


def config(**options):
    cfg = Config(SETTINGS)
    cfg.merge_from_dict(options)
    return cfg


def test_same_run():
    free = {
        'work_dir': 'moved',
        'resume': True,
        'train_cfg.max_epochs': 9,
        'train_dataloader.num_workers': 4,
    }
    check_resumable(checkpoint(), 'a.pth', config(**free))
    assert changed_settings(checkpoint()['meta'], config(**free)) == {}


@pytest.mark.parametrize(
    ('key', 'lack'),
    [
        ('optimizer', 'the optimizer'),
        ('param_schedulers', 'the schedulers'),
        ('message_hub', 'the logs'),
        ('meta', 'the number of epochs'),
    ],
)
def test_incomplete_checkpoint(key, lack, tmp_path):
    incomplete = checkpoint()
    del incomplete[key]
    path = str(tmp_path / 'best_acc_epoch_2.pth')
    with pytest.raises(CheckpointError, match=f'no state of {lack}') as info:
        check_resumable(incomplete, path, config())
    assert f'--cfg-options load_from={path}' in str(info.value)
    (tmp_path / 'epoch_2.pth').touch()
    with pytest.raises(CheckpointError, match=r'from \S+/epoch_2\.pth, or'):
        check_resumable(incomplete, path, config())


def test_run_without_schedulers_needs_no_state_of_them():
    plain = checkpoint()
    del plain['param_schedulers']
    check_resumable(plain, 'a.pth', config(param_scheduler=None))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'randomness.seed': 0}, 'the seed 3, but `randomness.seed` is 0'),
        ({'train_cfg.max_epochs': 1}, 'completed epoch 2, but .* is 1'),
        (
            {'optim_wrapper.optimizer.type': 'Adam'},
            "was 'SGD' and is 'Adam'",
        ),
    ],
)
def test_another_run(options, message):
    with pytest.raises(CheckpointError, match=message):
        check_resumable(checkpoint(), 'a.pth', config(**options))


def test_seed_that_was_drawn():
    check_resumable(checkpoint(), 'a.pth', config(**{'randomness.seed': None}))


def test_changes_are_named():
    options = {
        'model.layers.0.width': 4,
        'optim_wrapper.optimizer.lr': 0.2,
        'train_dataloader.batch_size': 16,
        'custom_hooks': [dict(type='EMAHook')],
    }
    changed = changed_settings(checkpoint()['meta'], config(**options))
    assert changed == {
        'custom_hooks.0.type': ('-', "'EMAHook'"),
        'model.layers.0.width': ('3', '4'),
        'optim_wrapper.optimizer.lr': ('0.1', '0.2'),
        'train_dataloader.batch_size': ('8', '16'),
    }


@pytest.mark.parametrize(
    'text', ['a = (', None, 'open("made", "w")', '(' * 999]
)
def test_text_of_a_checkpoint_is_not_executed(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    changed_settings(dict(cfg=text), config())
    assert not (tmp_path / 'made').exists()


def test_copy_of_the_config_replaces_no_other_file(tmp_path):
    mine = tmp_path / 'mine.py'
    Config(SETTINGS).dump(mine)
    cfg = Config.fromfile(mine)
    cfg.work_dir = str(tmp_path)
    with pytest.raises(CheckpointError, match=f'copy .*{mine}: choose'):
        claim_run(cfg)
    # Unless it is the copy of the run itself.
    torch.save(checkpoint(), tmp_path / 'epoch_2.pth')
    cfg.resume = True
    with claim_run(cfg):
        pass
    cfg.work_dir = str(tmp_path / 'run')
    cfg.resume = False
    with claim_run(cfg):
        pass
    (tmp_path / 'run/mine.py').symlink_to(tmp_path / 'other.txt')
    with pytest.raises(CheckpointError, match='in place of .*other.txt'):
        claim_run(cfg)
