# Copyright (c) mmgmp authors.
"""Every method has one config, which trains in every setting."""

import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from runpy import run_path

import pytest
import torch
import yaml
from mmaction.registry import DATASETS, MODELS, OPTIM_WRAPPERS
from mmengine.config import Config, config
from mmengine.runner import Runner, set_random_seed
from torch.optim import SGD

from mmgmp.apis import config_checks, train_and_test
from mmgmp.apis.run_checks import check_run
from mmgmp.utils.setting import dataset_names
from tests.utils.leaves import CONFIGS, LEAVES, NAMES, read_leaf
from tests.utils.memory_clips import read_memory_clips
from tests.utils.tiny_tree import read_tiny_tree

MODALITIES = dict(
    mini_hac=('video', 'audio'),
    hac=('video', 'audio', 'flow'),
    epic_kitchens=('video', 'audio', 'flow'),
)
SETTINGS = [
    dict(dataset=dataset, modalities='-'.join(chosen))
    for dataset, known in MODALITIES.items()
    for size in range(1, len(known) + 1)
    for chosen in combinations(known, size)
] + [
    dict(dataset='mini_hac', target='human', sources='cartoon'),
    dict(dataset='epic_kitchens', target='D1', sources='D2'),
]
use_mixed_precision = run_path(str(CONFIGS.parent / 'tools/train.py'))[
    'use_mixed_precision'
]
EACH = pytest.mark.parametrize('name', NAMES)


@pytest.fixture(autouse=True)
def unformatted(monkeypatch):
    """Skip the formatting of the config, which takes longer than the run."""
    monkeypatch.setattr(
        config, 'FormatCode', lambda text, **kwargs: (text, False)
    )


def test_every_data_set_is_tried():
    assert MODALITIES.keys() == {*dataset_names()}


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_leaf_is_found_under_its_name(path):
    """Folder, command, page, metafile and work dir use the same name."""
    assert path.parent.name == path.stem
    command = path.read_text().splitlines()[0].strip('# ').split()
    relative = str(path.relative_to(CONFIGS.parent))
    assert command[:3] == ['python', 'tools/train.py', relative]
    assert (path.parent / 'README.md').is_file()
    models = yaml.safe_load((path.parent / 'metafile.yml').read_text())
    listed = [(m['Name'], m['Config']) for m in models['Models']]
    assert (path.stem, relative) in listed
    work_dir = read_leaf(path.stem, dataset='hac', target='human').work_dir
    assert work_dir == (
        f'work_dirs/{path.stem}/hac_video-audio_animal-cartoon_to_human'
    )


def test_model_index_lists_every_metafile():
    index = yaml.safe_load((CONFIGS.parent / 'model-index.yml').read_text())
    found = CONFIGS.rglob('metafile.yml')
    assert {*index['Import']} == {
        str(path.relative_to(CONFIGS.parent)) for path in found
    }


@EACH
def test_dumped_config_is_the_same_without_the_variables(
    name, tmp_path, monkeypatch
):
    cfg = read_leaf(
        name, dataset='hac', target='human', sources='cartoon', corrupted=True
    )
    cfg.dump(tmp_path / 'dumped.py')
    assert '$' not in (tmp_path / 'dumped.py').read_text()
    monkeypatch.setenv('MMGMP_DATASET', 'epic_kitchens')
    monkeypatch.setenv('MMGMP_TARGET', 'D1')
    dumped = Config.fromfile(tmp_path / 'dumped.py')
    assert not dumped.env_variables
    assert dumped.to_dict() == cfg.to_dict()


@pytest.mark.parametrize('modalities', ['video-audio', 'video-audio-flow'])
@EACH
def test_dumped_config_builds_the_same_model(name, modalities, tmp_path):
    """A dumped config has its dicts sorted."""
    cfg = read_leaf(name, dataset='hac', modalities=modalities)
    read_memory_clips(cfg).dump(tmp_path / 'dumped.py')
    models, tasks = [], []
    for config_ in (cfg, Config.fromfile(tmp_path / 'dumped.py')):
        set_random_seed(0)
        models.append(MODELS.build(config_.model).eval())
        optimizer = SGD(models[-1].parameters(), lr=1.0)
        wrapper = OPTIM_WRAPPERS.build(
            dict(config_.optim_wrapper, optimizer=optimizer)
        )
        tasks.append([*(getattr(wrapper, 'tasks', None) or {})])
    states = [model.state_dict() for model in models]
    assert [*states[0]] == [*states[1]]
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    clips = DATASETS.build(cfg.test_dataloader.dataset)
    inputs = {m: x[None] for m, x in clips[0]['inputs'].items()}
    logits = [m.cls_head(m.extract_feat(inputs)[0]) for m in models]
    assert torch.equal(*logits)
    assert tasks[0] == tasks[1]


@pytest.mark.parametrize('dataset', MODALITIES)
@EACH
def test_leaf_passes_the_checks(name, dataset, tmp_path, monkeypatch):
    for check in ('check_data_files', 'check_pretrained'):
        monkeypatch.setattr(config_checks, check, lambda *args: None)
    cfg = read_leaf(name, dataset=dataset)
    cfg.work_dir = str(tmp_path)
    config_checks.check_config(cfg, ('train', 'val', 'test'))


@pytest.mark.parametrize(
    'variables',
    [
        # Each data set, one source and one modality; the rest is slow.
        v
        if v.get('modalities', 'video') in ('video', 'video-audio')
        else pytest.param(v, marks=pytest.mark.slow)
        for v in SETTINGS
    ],
    ids=lambda v: '-'.join(v.values()),
)
@EACH
def test_leaf_trains_two_steps_in_every_setting(name, variables, tmp_path):
    cfg = read_memory_clips(read_leaf(name, **variables))
    chosen = variables.get('modalities', 'video-audio').split('-')
    assert [*cfg.model.backbone.encoders] == chosen
    cfg.work_dir = str(tmp_path)
    cfg.default_hooks.checkpoint = None
    cfg.log_level = 'ERROR'
    # One source has a batch in an epoch, two have two.
    epochs = 2 // len(cfg.sources)
    cfg.train_cfg.update(
        max_epochs=epochs, val_begin=epochs, val_interval=epochs
    )
    runner = Runner.from_cfg(cfg)
    check_run(runner)
    runner.model.init_weights()
    before = {n: p.clone() for n, p in runner.model.named_parameters()}
    runner.train()
    assert runner.iter == 2
    for modality in chosen:
        moved = {
            n: p
            for n, p in runner.model.named_parameters()
            if n.startswith(f'backbone.{modality}.')
            and not torch.equal(p, before[n])
        }
        assert moved and all(p.isfinite().all() for p in moved.values())
        if variables['dataset'] != 'mini_hac':
            assert all('.layer4.' in n for n in moved)
    scalars = runner.message_hub.log_scalars
    for branch in ('fused', *chosen):
        assert f'val/acc/all/{branch}/top1' in scalars
    assert f'acc/{cfg.target}/fused/top1' in runner.test()


@pytest.mark.gpu
@pytest.mark.parametrize('amp', [False, True], ids=['float32', 'amp'])
@EACH
def test_leaf_trains_on_a_gpu(name, amp, tmp_path):
    cfg = read_memory_clips(read_leaf(name, dataset='mini_hac'))
    if amp:
        use_mixed_precision(cfg.optim_wrapper)
    cfg.work_dir = str(tmp_path)
    cfg.log_level = 'ERROR'
    cfg.train_cfg.update(max_epochs=1, val_begin=1, val_interval=1)
    runner = Runner.from_cfg(cfg)
    runner.train()
    values = runner.model.state_dict().values()
    assert all(value.isfinite().all() for value in values)
    assert f'acc/{cfg.target}/fused/top1' in runner.test()


@pytest.mark.parametrize('dataset', MODALITIES)
@EACH
def test_auto_scale_lr_keeps_the_rate_of_the_batch_size(name, dataset):
    cfg = read_leaf(name, dataset=dataset)
    scaling, batch_size = cfg.auto_scale_lr, cfg.train_dataloader.batch_size
    assert scaling == dict(enable=False, base_batch_size=batch_size)


@EACH
def test_leaf_trains_selects_and_tests_on_files(name, tiny_mini_hac, tmp_path):
    cfg = read_tiny_tree(read_leaf(name, target='animal'), tiny_mini_hac)
    cfg.work_dir = str(tmp_path)
    cfg.log_level = 'ERROR'
    cfg.train_cfg.update(max_epochs=1, val_begin=1, val_interval=1)
    cfg.train_dataloader.batch_size = 14
    if 'batch_sampler' in cfg.train_dataloader:
        cfg.train_dataloader.batch_sampler.num_target = 7
    summary = train_and_test(cfg)
    assert summary['target'] == 'animal'
    assert summary['sources'] == ['human', 'cartoon']
    assert summary['target_top1'].keys() >= {'fused', 'video', 'audio'}


@pytest.mark.slow
def test_stock_tool_takes_the_variables(tiny_mini_hac, tmp_path):
    """Run the script of `mim train`, with the target in the environment."""
    import mmaction

    options = {
        'train_cfg.max_epochs': 1,
        'train_dataloader.batch_size': 14,
        'train_cfg.val_begin': 1,
    }
    for key, value in tiny_mini_hac.items():
        if isinstance(value, dict):
            options.update({f'{key}.{k}': v for k, v in value.items()})
        else:
            options[key] = value
    tool = f'{mmaction.__path__[0]}/.mim/tools/train.py'
    result = subprocess.run(
        [sys.executable, tool, str(CONFIGS / 'gmp/gmp.py'), '--cfg-options']
        + [f'{key}={value}' for key, value in options.items()],
        cwd=tmp_path,
        env={
            **os.environ,
            'PYTHONPATH': str(CONFIGS.parent),
            'OMP_NUM_THREADS': '1',
            'MMGMP_TARGET': 'animal',
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    output = result.stdout + result.stderr
    assert result.returncode == 0, output[-3000:]
    work_dir = 'work_dirs/gmp/mini_hac_video-audio_human-cartoon_to_animal'
    assert (tmp_path / work_dir / 'epoch_1.pth').is_file()
    top, rest = output.split('Config:', maxsplit=1)
    assert f'setting: {Path(work_dir).name}' in top
    assert 'set in the environment: MMGMP_TARGET=animal' in rest
