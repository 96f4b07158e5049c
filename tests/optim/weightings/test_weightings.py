# Copyright (c) mmgmp authors.
"""What all weightings have in common, one line for each."""

from importlib.util import find_spec

import pytest
import torch

from mmgmp.optim.weightings.torchjd import NAMES
from mmgmp.optim.weightings.weighting import present_tasks
from mmgmp.registry import WEIGHTINGS

from ..assertions import assert_valid_weighting

CONFIDENCES = {
    'semantic_confidence.video': 0.6,
    'semantic_confidence.audio': 0.3,
    'domain_confidence.video': 0.5,
    'domain_confidence.audio': 0.7,
}
# The arguments of a weighting; for which numbers of tasks it is, if not for 1
# to 4; and which properties it lacks.
CASES = {
    'GMP': {},
    # k and p are there for a single task too. Only one gradient is projected,
    # so the other one may still conflict.
    'GMP-modulated': dict(
        statistics=CONFIDENCES, lacks=('single', 'duplicates', 'conflict')
    ),
    'GMP-unprojected': dict(projection='none', lacks=('conflict',)),
    'Sum': dict(lacks=('conflict',)),
    # The order of the projections is random with three tasks or more.
    'PCGrad': dict(lacks=('order',)),
    'PCGrad-two': dict(sizes=(1, 2)),
    'MGDA': {},
    'UPGrad': {},
    'DualProj': {},
    'torchjd.AlignedMTL': {},
    'torchjd.CAGrad': dict(c=0.5),
    'torchjd.CRMOGM': dict(weighting=dict(type='torchjd.UPGrad')),
    'torchjd.Constant': dict(
        weights=[0.5, 2.0],
        sizes=(2,),
        lacks=('order', 'duplicates', 'conflict'),
    ),
    'torchjd.DualProj': {},
    # Weights grow as the gradients shrink.
    'torchjd.FairGrad': dict(alpha=1.0, lacks=('scale', 'single')),
    # Adds a constant to the norms.
    'torchjd.GradVac': dict(lacks=('scale', 'order')),
    'torchjd.IMTLG': {},
    'torchjd.Krum': dict(n_byzantine=0, sizes=(3, 4)),
    # Of equal gradients it takes the first one.
    'torchjd.MGDA': dict(lacks=('duplicates',)),
    'torchjd.Mean': dict(lacks=('conflict',)),
    # The first task comes first. Adds a constant to the norms.
    'torchjd.PCD': dict(lacks=('scale', 'order', 'duplicates')),
    'torchjd.PCGrad': dict(lacks=('order',)),
    'torchjd.Random': dict(lacks=('order', 'duplicates', 'conflict')),
    'torchjd.Sum': dict(lacks=('conflict',)),
    'torchjd.UPGrad': {},
}


@pytest.mark.parametrize('case', CASES)
def test_weighting_is_valid(case):
    cfg = dict(CASES[case], type=case.partition('-')[0])
    checks = {
        key: cfg.pop(key)
        for key in ('statistics', 'sizes', 'lacks')
        if key in cfg
    }
    if cfg['type'] == 'torchjd.CAGrad' and not find_spec('clarabel'):
        with pytest.raises(ImportError, match=r'torchjd\[cagrad\]'):
            WEIGHTINGS.build(cfg)
        return
    assert_valid_weighting(cfg, **checks)


def test_each_registered_weighting_is_checked():
    ours = {
        name
        for name, cls in WEIGHTINGS.module_dict.items()
        if not cls.__module__.startswith('tests.')
    }
    names = {f'torchjd.{name}' for name in NAMES}
    assert ours | names == {case.partition('-')[0] for case in CASES}


def test_task_without_a_gradient_is_left_out():
    rows = torch.tensor([[1e-3, 0.0], [0.0, 0.0], [2e-3, 1e-3]]).double()
    tasks, matrix = present_tasks(['a', 'b', 'c'], rows @ rows.T)
    assert tasks == ('a', 'c')
    assert torch.equal(matrix, rows[[0, 2]] @ rows[[0, 2]].T)


def test_task_counts_down_to_a_ten_billionth_of_the_longest_gradient():
    for norm, expected in ((2e-10, ('a', 'b')), (0.5e-10, ('a',))):
        squares = torch.tensor([1.0, norm**2], dtype=torch.float64)
        assert present_tasks(['a', 'b'], squares.diag()).tasks == expected


def test_encoder_that_no_task_reaches_has_none():
    tasks, matrix = present_tasks(['a', 'b'], torch.zeros(2, 2))
    assert tasks == () and matrix.shape == (0, 0)
