# Copyright (c) mmgmp authors.
"""Configs of MiniHAC train, select and test; all configs are listed."""

import re
from pathlib import Path

import pytest
from mmengine.config import Config, config

from mmgmp.apis import train_select_test
from tests.utils.tiny_tree import read_tiny_tree

CONFIGS = Path(__file__).parents[2] / 'configs'
# The drop-in configs train on other data: tests/integration/test_drop_in.py.
LEAVES = sorted(
    path
    for path in CONFIGS.rglob('*.py')
    if not {'_base_', 'drop_in'} & {*path.relative_to(CONFIGS).parts}
)
# Those of HAC and EPIC-Kitchens train in test_published_configs.py.
MINI_HAC = [path for path in LEAVES if 'mini-hac' in path.name]
DOMAINS = {'human', 'animal', 'cartoon'}


@pytest.fixture(autouse=True)
def unformatted(monkeypatch):
    """Each run lays out its config seven times, for most of a test's time."""
    monkeypatch.setattr(
        config, 'FormatCode', lambda text, **kwargs: (text, False)
    )


def test_there_are_configs():
    assert len(MINI_HAC) >= 39
    assert len(LEAVES) >= 139


@pytest.mark.parametrize('path', MINI_HAC, ids=lambda path: path.stem)
def test_config_trains_selects_and_tests(path, tiny_mini_hac, tmp_path):
    cfg = read_tiny_tree(Config.fromfile(path), tiny_mini_hac)
    cfg.work_dir = str(tmp_path)
    cfg.merge_from_dict(
        {
            'train_cfg.max_epochs': 1,
            'train_cfg.val_begin': 1,
            'train_cfg.val_interval': 1,
            'train_dataloader.batch_size': 14,
        }
    )
    batches = cfg.train_dataloader.get('batch_sampler', {})
    if batches.get('num_target'):
        batches.num_target = 7
    summary = train_select_test(cfg)
    *source, target = re.search(r'mini-hac-([a-z-]+)', path.stem)[1].split('-')
    assert summary['target'] == target
    assert set(summary['sources']) == (set(source) or DOMAINS - {target})
    assert summary['target_top1'].keys() >= {'fused', 'video', 'audio'}


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_config_says_how_it_is_run_and_is_named_after_its_method(path):
    head = path.read_text().split('_base_')[0]
    command = ' '.join(line.strip('#\\ ') for line in head.splitlines())
    assert command.split()[:2] == ['python', 'tools/train.py']
    assert command.split()[2] == str(path.relative_to(CONFIGS.parent))
    method = path.relative_to(CONFIGS).parts[0]
    assert re.match(rf'{method}(-[a-z-]+)?_', path.name)


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_model_files_list_every_config(path):
    text = (path.parent / 'metafile.yml').read_text()
    assert f'Config: {path.relative_to(CONFIGS.parent)}\n' in text


def test_model_index_lists_every_model_file():
    listed = (CONFIGS.parent / 'model-index.yml').read_text().split()
    files = {
        str(path.relative_to(CONFIGS.parent))
        for path in CONFIGS.rglob('metafile.yml')
    }
    assert files == {name for name in listed if name.endswith('.yml')}
