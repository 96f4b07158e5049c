# Copyright (c) mmgmp authors.
"""Every shipped config builds, trains two steps, selects and tests."""

import re
from pathlib import Path

import pytest
from mmengine.config import Config

from mmgmp.apis import train_select_test

CONFIGS = Path(__file__).parents[2] / 'configs'
LEAVES = sorted(
    path for path in CONFIGS.glob('*/*.py') if path.parent.name != '_base_'
)
DOMAINS = {'human', 'animal', 'cartoon'}


def test_there_are_configs():
    assert len(LEAVES) >= 9


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_config_trains_selects_and_tests(path, tiny_mini_hac, tmp_path):
    cfg = Config.fromfile(path)
    cfg.merge_from_dict(tiny_mini_hac)
    cfg.work_dir = str(tmp_path)
    cfg.merge_from_dict(
        {
            'train_cfg.max_epochs': 1,
            'train_cfg.val_begin': 1,
            'train_cfg.val_interval': 1,
            'train_dataloader.batch_size': 14,
        }
    )
    summary = train_select_test(cfg)
    target = re.search(r'-([a-z]+)$', path.stem)[1]
    assert summary['target'] == target
    assert set(summary['sources']) == DOMAINS - {target}
    assert summary['target_top1'].keys() >= {'fused', 'video', 'audio'}


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_config_says_how_it_is_run_and_is_named_after_its_folder(path):
    head = path.read_text().split('_base_')[0]
    command = ' '.join(line.strip('#\\ ') for line in head.splitlines())
    assert command.split()[:2] == ['python', 'tools/train.py']
    assert command.split()[2] == f'configs/{path.parent.name}/{path.name}'
    assert path.name.startswith(f'{path.parent.name}_')


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_model_files_list_every_config(path):
    text = (path.parent / 'metafile.yml').read_text()
    assert f'Config: configs/{path.parent.name}/{path.name}\n' in text
