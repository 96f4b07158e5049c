# Copyright (c) mmgmp authors.
"""A stock two-stream config trains with GMP in MMAction2's own script."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import mmaction
import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config

from tests.utils.media import moving_frames, write_video

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / 'configs/gmp/drop_in'
(CONFIG,) = FOLDER.glob('*.py')
STOCK = Path(mmaction.__file__).parent / '.mim'
STOCK_CONFIG = 'configs/skeleton/posec3d/rgbpose_conv3d/rgbpose_conv3d.py'
FRAMES, HEIGHT, WIDTH, JOINTS = 12, 48, 64, 17

# The stock model and data, small.
SMALL = {
    'load_from': None,
    'train_cfg.max_epochs': 1,
    'default_hooks.logger.interval': 1,
    'model.backbone.rgb_pathway.base_channels': 8,
    'model.backbone.pose_pathway.base_channels': 4,
    'model.cls_head.in_channels': '[256,64]',
    'train_dataloader.batch_size': 2,
    'train_dataloader.dataset.pipeline.3.scale': '(72,72)',
    'train_dataloader.dataset.pipeline.5.scale': '(64,64)',
    'val_dataloader.dataset.pipeline.3.scale': '(64,64)',
}


def write_ntu(root: Path, num_clips: int = 4) -> dict[str, object]:
    """Write clips and skeletons as in NTU; return the settings for them."""
    random = np.random.default_rng(0)
    annotations = []
    for index in range(num_clips):
        name = f'clip{index}'
        write_video(root / f'{name}.mp4', moving_frames(FRAMES, HEIGHT, WIDTH))
        joints = random.random((1, FRAMES, JOINTS, 2))
        annotations.append(
            dict(
                frame_dir=name,
                label=index % 3,
                img_shape=(HEIGHT, WIDTH),
                original_shape=(HEIGHT, WIDTH),
                total_frames=FRAMES,
                keypoint=(joints * [WIDTH, HEIGHT]).astype(np.float16),
                keypoint_score=np.ones((1, FRAMES, JOINTS), np.float16),
            )
        )
    names = [annotation['frame_dir'] for annotation in annotations]
    split = dict(xsub_train=names, xsub_val=names[:1])
    content = dict(split=split, annotations=annotations)
    (root / 'ntu.pkl').write_bytes(pickle.dumps(content))
    settings = {}
    for part in ('train', 'val'):
        loader = f'{part}_dataloader'
        settings[f'{loader}.num_workers'] = 0
        settings[f'{loader}.persistent_workers'] = False
        settings[f'{loader}.dataset.ann_file'] = root / 'ntu.pkl'
        settings[f'{loader}.dataset.data_prefix.video'] = root
        clip_len = f'{loader}.dataset.pipeline.0.clip_len'
        settings[f'{clip_len}.RGB'] = 2
        settings[f'{clip_len}.Pose'] = 8
    return settings


@pytest.fixture(scope='module')
def run(tmp_path_factory) -> Path:
    """Work folder of one epoch of two iterations."""
    data = tmp_path_factory.mktemp('ntu')
    work_dir = tmp_path_factory.mktemp('drop_in')
    options = {**SMALL, **write_ntu(data)}
    result = subprocess.run(
        [
            sys.executable,
            str(STOCK / 'tools/train.py'),
            str(CONFIG),
            '--work-dir',
            str(work_dir),
            '--cfg-options',
            *(f'{key}={value}' for key, value in options.items()),
        ],
        cwd=data,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr[-3000:]
    return work_dir


@pytest.mark.slow
def test_stock_script_trains_with_gmp(run):
    (log,) = run.glob('*/vis_data/scalars.json')
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [row for row in rows if 'loss' in row]
    assert len(steps) == 2
    # At the first step no window averages yet: the ratio of eq. 8, with
    # exp(-loss) for the confidences.
    first = steps[0]
    ratio = np.exp(first['pose_loss_cls'] - first['rgb_loss_cls'])
    assert first['gmp/rho.rgb'] == pytest.approx(ratio, rel=1e-4)
    assert first['gmp/rho.pose'] == pytest.approx(1 / ratio, rel=1e-4)
    for modality, rho in (('rgb', ratio), ('pose', 1 / ratio)):
        k = 1 - np.tanh(0.5 * rho) if rho > 1 else 1.0
        assert first[f'gmp/k.{modality}'] == pytest.approx(k, rel=1e-4)
    # The stock clipping is enabled.
    assert all(row['grad_norm'] > 0 for row in steps)
    assert 'acc/rgb_top1' in rows[-1]


@pytest.mark.slow
def test_stock_script_writes_a_checkpoint(run):
    checkpoint = torch.load(run / 'epoch_1.pth', weights_only=True)
    assert checkpoint['meta']['iter'] == 2
    assert checkpoint['optimizer']['skipped_steps'] == 0


def test_optim_wrapper_and_import_are_all_that_differs():
    stock = Config.fromfile(STOCK / STOCK_CONFIG).to_dict()
    ours = Config.fromfile(CONFIG).to_dict()
    changed = {
        key
        for key in stock.keys() | ours.keys()
        if without_scope(stock.get(key)) != without_scope(ours.get(key))
    }
    assert changed == {'custom_imports', 'optim_wrapper'}
    for key, value in stock['optim_wrapper'].items():
        assert without_scope(ours['optim_wrapper'][key]) == value


def without_scope(value):
    """A config of another package, without its scope."""
    if isinstance(value, dict):
        return {
            k: without_scope(v) for k, v in value.items() if k != '_scope_'
        }
    if isinstance(value, (list, tuple)):
        return [without_scope(v) for v in value]
    return value


def test_config_says_how_it_is_run_and_is_listed():
    path = str(CONFIG.relative_to(ROOT))
    assert CONFIG.read_text().startswith(f'# mim train mmaction {path} ')
    metafile = (FOLDER.parent / 'metafile.yml').read_text()
    models = yaml.safe_load(metafile)['Models']
    assert path in [model['Config'] for model in models]
