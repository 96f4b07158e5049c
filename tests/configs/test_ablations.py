# Copyright (c) mmgmp authors.
"""A config per row of Table 4, each unlike GMP in the one setting."""

from pathlib import Path

import pytest
from mmaction.registry import OPTIM_WRAPPERS
from mmengine.config import Config
from torch import nn
from torch.optim import SGD

FOLDER = Path(__file__).parents[2] / 'configs/gmp/ablations'
RUN = 'slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon'
ROWS = {
    'igdm-only': dict(projection='none'),
    'cagp-only': dict(modulation='none'),
    'unified': dict(modulation='unified'),
    'no-k': dict(alpha_k=0),
    'no-p': dict(alpha_p=0),
    'fixed-cls': dict(projection='fixed_cls'),
    'fixed-domain': dict(projection='fixed_domain'),
    'pcgrad': dict(projection='pcgrad'),
    'reverse': dict(projection='reverse'),
}


def test_every_row_has_a_config():
    names = {path.name for path in FOLDER.glob('*.py')}
    assert names == {f'gmp-{row}_{RUN}.py' for row in ROWS}


@pytest.mark.parametrize('row', ROWS)
def test_one_setting_differs(row):
    gmp = Config.fromfile(FOLDER.parent / f'gmp_{RUN}.py').to_dict()
    ablation = Config.fromfile(FOLDER / f'gmp-{row}_{RUN}.py').to_dict()
    gmp['optim_wrapper'].update(ROWS[row])
    assert ablation == gmp
    cfg = ablation['optim_wrapper']
    optimizer = SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    wrapper = OPTIM_WRAPPERS.build({**cfg, 'optimizer': optimizer})
    for name, value in ROWS[row].items():
        assert getattr(wrapper.weighting, name) == value
