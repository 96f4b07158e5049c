# Copyright (c) mmgmp authors.
"""The pure-Python config of docs/stock_tools.md trains."""

import re

import pytest
import torch
from mmengine.logging import MessageHub

from mmgmp.optim import GMPOptimWrapper
from mmgmp.utils.setting import read_config
from tests.tools.conftest import new_loggers, run_tool  # noqa: F401
from tests.utils.leaves import CONFIGS, read_leaf

ROOT = CONFIGS.parent
EXAMPLE = re.compile(
    r'```python\n(from mmengine.config import read_base.*?)```', re.DOTALL
)


@pytest.fixture
def config(tiny_mini_hac, tmp_path):
    """The example beside a resolved config, as a run writes it."""
    base = read_leaf('erm')
    base.merge_from_dict(tiny_mini_hac)
    base.dump(tmp_path / 'erm.py')
    (text,) = EXAMPLE.findall((ROOT / 'docs/stock_tools.md').read_text())
    path = tmp_path / 'my_gmp.py'
    path.write_text(text)
    return path


def test_types_are_classes(config):
    cfg = read_config(config, {})
    assert cfg.optim_wrapper.type in (
        GMPOptimWrapper,
        'mmgmp.optim.gmp_optim_wrapper.GMPOptimWrapper',
        'mmgmp.optim.GMPOptimWrapper',
    )


@pytest.mark.slow
def test_training_with_amp_and_scaled_rate(
    config,
    run_tool,  # noqa: F811
    tmp_path,
):
    run_tool(
        ROOT / 'tools/train.py',
        config,
        '--work-dir',
        tmp_path / 'run',
        '--amp',
        '--auto-scale-lr',
        '--no-validate',
        '--cfg-options',
        'train_cfg.max_epochs=1',
        'train_dataloader.batch_size=8',
        'train_dataloader.dataset.indices=8',
        'param_scheduler=[]',
        'log_level=ERROR',
    )
    (path,) = tmp_path.glob('run/epoch_1.pth')
    state = torch.load(path, weights_only=True)
    (group,) = state['optimizer']['param_groups']
    assert group['lr'] == pytest.approx(1e-3 * 8 / 16)
    hub = MessageHub.get_current_instance()
    assert 'train/gmp/k.video' in hub.log_scalars
