"""Each fix works, and is still needed upstream."""

import copy
import os
import random
import subprocess
import sys
from importlib.util import spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.registry import TRANSFORMS
from mmengine.config import Config, config
from mmengine.dist import all_gather
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.runner import Runner
from yapf.yapflib import yapf_api

from mmgmp import compat
from mmgmp.compat import missing_module

needs_cpu = pytest.mark.skipif(
    torch.cuda.is_available(), reason='about machines without a GPU'
)


ROOT = Path(__file__).parents[1]
COMMON_ENV = dict(
    PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1', MKL_NUM_THREADS='1'
)


def run_python(*args: str, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *args],
        env={**os.environ, **COMMON_ENV, **env},
        capture_output=True,
        text=True,
        timeout=120,
    )


# --- DRN ---------------------------------------------------------------------


@pytest.mark.slow
def test_upstream_still_lacks_drn():
    result = run_python('-c', 'import mmaction.models')
    missing = "No module named 'mmaction.models.localizers.drn'"
    assert missing in result.stderr


def test_models_can_be_imported():
    from mmaction.models import SlowFastHead

    assert SlowFastHead is not None
    assert 'mmaction.models.localizers.drn.drn' in sys.modules


def test_complete_installation_is_left_alone(monkeypatch, tmp_path):
    drn = tmp_path / 'models/localizers/drn/drn.py'
    drn.parent.mkdir(parents=True)
    drn.touch()
    (tmp_path / '__init__.py').touch()
    spec = spec_from_file_location('mmaction', tmp_path / '__init__.py')
    monkeypatch.setattr(missing_module, 'find_spec', lambda name: spec)
    monkeypatch.delitem(sys.modules, 'mmaction.models.localizers.drn')
    compat.stub_drn()
    assert 'mmaction.models.localizers.drn' not in sys.modules


# --- Vision-language models --------------------------------------------------


@pytest.fixture
def new_transformers(tmp_path):
    """Path with a Transformers that lacks the names version 5 removed."""
    package = tmp_path / 'transformers'
    package.mkdir()
    (package / '__init__.py').touch()
    (package / 'modeling_utils.py').touch()
    metadata = tmp_path / 'transformers-5.0.0.dist-info' / 'METADATA'
    metadata.parent.mkdir()
    metadata.write_text('Name: transformers\nVersion: 5.0.0\n')
    return os.pathsep.join([str(ROOT), str(tmp_path)])


@pytest.mark.slow
def test_upstream_still_fails_beside_a_new_transformers(new_transformers):
    code = f"""
import runpy
runpy.run_path({missing_module.__file__!r})['stub_drn']()
import mmaction.models"""
    result = run_python('-c', code, PYTHONPATH=new_transformers)
    assert 'ModuleNotFoundError' in result.stderr
    assert "No module named 'transformers." in result.stderr


@pytest.mark.slow
def test_models_can_be_imported_beside_a_new_transformers(new_transformers):
    code = """
import mmgmp
from mmaction.registry import MODELS
assert MODELS.get('ResNet3dSlowFast') is not None
MODELS.build(dict(type='VindLUVQA'))"""
    result = run_python('-c', code, PYTHONPATH=new_transformers)
    assert 'requires extra multi-modal' in result.stderr


# --- NumPy 2 -----------------------------------------------------------------

SKELETON = dict(
    imgs=[np.zeros((40, 40, 3), np.uint8)],
    keypoint=np.array([[[[8.0, 6.0], [28.0, 26.0]]]]),
    img_shape=(40, 40),
)


def test_upstream_still_frames_skeletons_by_the_old_name(monkeypatch):
    compact = TRANSFORMS.build(dict(type='MMCompact'))
    monkeypatch.delattr(np, 'Inf')
    with pytest.raises(AttributeError, match=r'`np\.Inf` was removed'):
        compact(copy.deepcopy(SKELETON))


def test_skeletons_can_be_framed():
    compact = TRANSFORMS.build(dict(type='MMCompact'))
    results = compact(copy.deepcopy(SKELETON))
    # 20 pixels between the joints, and a quarter more.
    assert results['img_shape'] == (25, 25)


# --- Layout of a config ------------------------------------------------------


@pytest.fixture
def layouts(monkeypatch):
    """Texts that yapf formats."""
    texts = []

    def lay_out(text, **kwargs):
        texts.append(text)
        return yapf_api.FormatCode(text, **kwargs)

    monkeypatch.setattr(config, 'FormatCode', lay_out)
    return texts


def test_upstream_still_lays_out_a_config_each_time(layouts):
    cfg = Config(dict(a=1))
    assert cfg.pretty_text == cfg.pretty_text
    assert len(layouts) == 2


def test_config_is_laid_out_once_until_it_changes(layouts):
    cfg = Config(dict(model=dict(type='A', channels=[1, 2])))
    plain = cfg.pretty_text
    compat.cache_config_layout()
    assert [cfg.pretty_text for _ in range(3)] == [plain] * 3
    assert len(layouts) == 2
    cfg.model.type = 'B'
    assert "type='B'" in cfg.pretty_text
    assert len(layouts) == 3


# --- A small run -------------------------------------------------------------


class ToyModel(BaseModel):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 1)

    def forward(self, x, mode='tensor'):
        y = self.linear(x)
        return {'loss': y.square().mean()} if mode == 'loss' else [y.mean()]


class ToyMetric(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.append(0.5)

    def compute_metrics(self, results):
        return {'score': np.float64(np.mean(results))}


class SaveRandomState(Hook):
    def before_save_checkpoint(self, runner, checkpoint):
        checkpoint['random_state'] = {
            'python': random.getstate(),
            'numpy': np.random.get_state(),
            'torch': torch.get_rng_state(),
        }


def toy_runner(work_dir: Path, epochs: int, **kwargs) -> Runner:
    loader = dict(
        dataset=[{'x': torch.full((2,), float(i))} for i in range(4)],
        sampler=dict(type='DefaultSampler', shuffle=True),
        batch_size=2,
        collate_fn=dict(type='default_collate'),
    )
    checkpoint_hook = dict(
        type='CheckpointHook', save_best='score', rule='greater'
    )
    return Runner(
        model=ToyModel(),
        work_dir=str(work_dir),
        train_dataloader=loader,
        val_dataloader={**loader, 'sampler': dict(type='DefaultSampler')},
        val_evaluator=[ToyMetric()],
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9)),
        param_scheduler=dict(type='CosineAnnealingLR', end=4),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        val_cfg=dict(),
        default_hooks=dict(checkpoint=checkpoint_hook),
        custom_hooks=[SaveRandomState()],
        log_level='ERROR',
        experiment_name=f'{work_dir.name}-{epochs}',
        **kwargs,
    )


# --- Distributed training on CPUs --------------------------------------------

ONE_PROCESS = dict(
    RANK='0',
    LOCAL_RANK='0',
    WORLD_SIZE='1',
    MASTER_ADDR='127.0.0.1',
    MASTER_PORT='0',
)


def train_in_one_of_two_processes(work_dir: Path) -> None:
    cfg = Config(dict(env_cfg=dict(dist_cfg=dict(backend='nccl'))))
    compat.init_cpu_distributed(cfg, 'pytorch')
    runner = toy_runner(work_dir, epochs=1, launcher='pytorch', cfg=cfg)
    parameters = runner.model.module.linear.weight
    before = parameters.detach().clone()
    runner.train()
    weights = all_gather(parameters.detach())
    assert len(weights) == 2
    assert torch.equal(*weights)
    assert not torch.equal(weights[0], before)


@needs_cpu
def test_upstream_still_sets_a_device_for_gloo():
    code = (
        'from mmengine.dist import init_dist\n'
        "init_dist('pytorch', backend='gloo')"
    )
    result = run_python('-c', code, **ONE_PROCESS)
    assert result.returncode != 0
    assert 'torch.cuda.set_device' in result.stderr


@needs_cpu
def test_upstream_still_gives_the_wrapper_a_device(tmp_path):
    torch.distributed.init_process_group(
        'gloo',
        init_method=(tmp_path / 'store').as_uri(),
        rank=0,
        world_size=1,
    )
    try:
        with pytest.raises(ValueError, match='device_ids'):
            MMDistributedDataParallel(ToyModel(), device_ids=[0])
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.slow
@needs_cpu
def test_two_processes_train_on_cpu(tmp_path):
    launcher = ['-m', 'torch.distributed.run', '--nproc_per_node=2']
    script = [__file__, str(tmp_path)]
    result = run_python(*launcher, '--standalone', *script)
    assert result.returncode == 0, result.stderr[-3000:]


@needs_cpu
def test_config_is_repaired_in_place(monkeypatch):
    opened = []
    monkeypatch.setattr(torch.distributed, 'init_process_group', opened.append)
    cfg = Config(dict(find_unused_parameters=True))
    compat.init_cpu_distributed(cfg, 'pytorch')
    assert cfg.model_wrapper_cfg == dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=True,
        device_ids=None,
    )
    cfg = Config(dict(model_wrapper_cfg=dict(type='Own', bucket_cap_mb=1)))
    compat.init_cpu_distributed(cfg, 'pytorch')
    assert cfg.model_wrapper_cfg == dict(
        type='Own', bucket_cap_mb=1, device_ids=None
    )
    assert opened == ['gloo', 'gloo']


def test_single_process_needs_nothing():
    cfg = Config(dict(sync_bn='torch'))
    compat.init_cpu_distributed(cfg, 'none')
    assert cfg.to_dict() == dict(sync_bn='torch')
    assert not torch.distributed.is_initialized()


@needs_cpu
@pytest.mark.parametrize(
    'cfg, launcher, message',
    [
        ({}, 'slurm', '`launcher` must be .*slurm'),
        ({'sync_bn': 'torch'}, 'pytorch', "`sync_bn` is 'torch'"),
    ],
)
def test_what_cpus_cannot_do(cfg, launcher, message):
    with pytest.raises(ValueError, match=message):
        compat.init_cpu_distributed(Config(cfg), launcher)


if __name__ == '__main__':
    train_in_one_of_two_processes(Path(sys.argv[1]))
