# Copyright (c) mmgmp authors.
"""tools/train.py and tools/test.py on the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / 'configs/gmp/gmp.py'


def run_tool(name, *args, options=None):
    command = [sys.executable, str(ROOT / 'tools' / name), *map(str, args)]
    if options:
        command += ['--cfg-options', *(f'{k}={v}' for k, v in options.items())]
    return subprocess.run(
        command,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope='module')
def options(tiny_mini_hac):
    settings = {
        key: value
        for key, value in tiny_mini_hac.items()
        if key.endswith('data_root')
    }
    for key, value in tiny_mini_hac.items():
        if key.endswith('spec'):
            settings.update({f'{key}.{k}': v for k, v in value.items()})
    return {
        **settings,
        'train_dataloader.batch_size': 14,
        'train_cfg.val_begin': 1,
        'train_cfg.val_interval': 1,
    }


def weights(path):
    return torch.load(path, weights_only=True)['state_dict']


@pytest.fixture(scope='module')
def run(options, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('run')
    result = run_tool(
        'train.py',
        CONFIG,
        '--work-dir',
        work_dir,
        '--test',
        options={**options, 'train_cfg.max_epochs': 2},
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return work_dir, result.stdout


def test_summary_and_table(run):
    work_dir, stdout = run
    summary = json.loads((work_dir / 'summary.json').read_text())
    assert summary['target'] == 'cartoon'
    assert summary['chance'] == pytest.approx(1 / 7)
    for part in ('source_top1', 'target_top1'):
        assert summary[part].keys() >= {'fused', 'video', 'audio'}
    lines = stdout.strip().splitlines()
    (start,) = [i for i, x in enumerate(lines) if x.startswith('top-1 (%)')]
    names = ['fused', 'video', 'audio', 'class', 'mean', 'majority', 'chance']
    assert lines[start].split()[2:] == [*names, 'clips']
    assert lines[start + 2].startswith('target (cartoon)')
    # A row for each of the seven classes, and the name of the figure.
    assert lines[-8].split()[:2] == ['0', 'sleeping']
    assert lines[-1] == f'wrote {work_dir}/confusion_target.png'
    assert (work_dir / 'confusion_target.png').is_file()
    target = summary['evaluation']['target']['all']
    assert (
        sum(map(sum, target['branches']['fused']['confusion']))
        == (target['clips'])
    )


def test_log_has_the_ratios(run):
    work_dir, _ = run
    (log,) = work_dir.glob('*/vis_data/scalars.json')
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    assert any('gmp/rho.video' in step for step in steps)


@pytest.mark.slow
def test_two_runs_agree_bit_for_bit(run, options, tmp_path):
    work_dir, _ = run
    result = run_tool(
        'train.py',
        CONFIG,
        '--work-dir',
        tmp_path,
        options={**options, 'train_cfg.max_epochs': 2},
    )
    assert result.returncode == 0, result.stderr[-3000:]
    first, second = (
        weights(folder / 'epoch_2.pth') for folder in (work_dir, tmp_path)
    )
    assert all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.slow
def test_checkpoint_can_be_tested_again(run, options, tmp_path):
    work_dir, _ = run
    (checkpoint,) = work_dir.glob('best_*.pth')
    result = run_tool(
        'test.py',
        CONFIG,
        checkpoint,
        '--work-dir',
        tmp_path,
        '--dump',
        tmp_path / 'predictions.pkl',
        options=options,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert (tmp_path / 'predictions.pkl').is_file()
    (log,) = tmp_path.glob('*/2*.json')
    metrics = json.loads(log.read_text())
    summary = json.loads((work_dir / 'summary.json').read_text())
    assert metrics['acc/all/fused/top1'] == pytest.approx(
        summary['target_top1']['fused']
    )
    beside = json.loads((tmp_path / 'predictions_summary.json').read_text())
    target = summary['evaluation']['target']
    assert beside['evaluation']['target'] == target


@pytest.mark.slow
def test_mixed_precision_and_resume(run, options, tmp_path):
    # Convolutions in bfloat16 are slow on a CPU: no validation.
    flags = ['--work-dir', tmp_path, '--amp', '--no-validate']
    result = run_tool(
        'train.py',
        CONFIG,
        *flags,
        options={**options, 'train_cfg.max_epochs': 1},
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert 'amp=True' in next(tmp_path.glob('*.py')).read_text()
    result = run_tool(
        'train.py',
        CONFIG,
        *flags,
        '--resume',
        options={**options, 'train_cfg.max_epochs': 2},
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert 'resumed epoch: 1' in result.stderr + result.stdout
    assert (tmp_path / 'epoch_2.pth').is_file()
