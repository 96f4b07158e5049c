"""Importing mmgmp adds all its types to the registries of MMAction2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PUBLIC_TYPES = dict(
    DATASETS=['EPICKitchensDataset', 'HACDataset', 'MiniHACDataset'],
    TRANSFORMS=[
        'AudioSpectrogram',
        'CorruptAudio',
        'CorruptVideo',
        'CorruptedTarget',
        'DecodeFrames',
        'FlipFlow',
        'FlowBranch',
        'LoadAudio',
        'OpenFlow',
        'OpenVideo',
        'SpectrogramAugment',
    ],
    MODELS=[
        'BalancedCoralLoss',
        'Boomda',
        'ConcatFusion',
        'CoralLoss',
        'DomainAdversarial',
        'FusionClassifier',
        'InformationBottleneckLoss',
        'ModalityProjection',
        'MultimodalBackbone',
        'MultimodalHead',
        'MultimodalRecognizer',
        'ReleasedConcatFusion',
        'ReleasedMultimodalBackbone',
        'ReleasedUnimodalDomainAdversarial',
        'UnimodalDomainAdversarial',
    ],
    OPTIM_WRAPPERS=['GMPOptimWrapper', 'TaskGradientOptimWrapper'],
    METRICS=['DomainAccMetric', 'TargetScoreMetric'],
    DATA_SAMPLERS=['SourceTargetBatchSampler'],
    INFERENCERS=['AudioVideoInferencer'],
    HOOKS=[
        'AtomicCheckpointHook',
        'CheckInvalidLossHook',
        'StepSeedHook',
        'ReplicaCheckHook',
        'TargetHistoryHook',
    ],
)

CONFIG_REGISTERS = f"""
import sys
from pathlib import Path
from mmengine.config import Config

Config.fromfile('config.py')
assert 'torch' not in sys.modules, 'reading a config imports PyTorch'
from mmaction import registry
missing = [
    name
    for registry_name, names in {PUBLIC_TYPES}.items()
    for name in names
    if getattr(registry, registry_name).get(name) is None
]
assert not missing, missing

root = Path({str(ROOT)!r})
modules = [
    '.'.join(path.relative_to(root).with_suffix('').parts)
    for path in root.glob('mmgmp/**/*.py')
    if '.register_module(' in path.read_text()
]
assert modules
assert not set(modules) - set(sys.modules), set(modules) - set(sys.modules)
"""

NOTEBOOK = """
from mmengine.registry import METRICS, DefaultScope
from mmgmp.utils import register_all_modules

register_all_modules(init_default_scope=False)
assert DefaultScope.get_current_instance() is None

register_all_modules()
assert DefaultScope.get_current_instance().scope_name == 'mmaction'
for name in ('DomainAccMetric', 'AccMetric'):
    METRICS.build(dict(type=name))
"""


def run_python(code: str, cwd: Path) -> None:
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    result = subprocess.run(
        [sys.executable, '-c', code],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr[-3000:]


def test_config_with_custom_imports_registers_everything(tmp_path):
    (tmp_path / 'config.py').write_text(
        "custom_imports = dict(imports=['mmgmp'], allow_failed_imports=False)"
    )
    run_python(CONFIG_REGISTERS, tmp_path)


@pytest.mark.slow
def test_notebook(tmp_path):
    run_python(NOTEBOOK, tmp_path)
