# Copyright (c) mmgmp authors.
"""All weightings: common properties, and weights computed by hand."""

from importlib.util import find_spec

import pytest
import torch

from mmgmp.optim import TaskGramian
from mmgmp.optim.weightings.pcgrad import pcgrad_weights
from mmgmp.optim.weightings.torchjd import NAMES
from mmgmp.optim.weightings.weighting import present_tasks
from mmgmp.registry import WEIGHTINGS

from ..weighting_checks import assert_valid_weighting, random_gramian

CONFIDENCES = {
    'semantic_confidence.video': 0.6,
    'semantic_confidence.audio': 0.3,
    'domain_confidence.video': 0.5,
    'domain_confidence.audio': 0.7,
}
# Arguments of a weighting, the numbers of tasks that it supports (default 1 to
# 4), and the properties that it lacks.
CASES = {
    'GMP': {},
    # k and p also apply to a single task. Only one gradient is projected, so
    # the other one may still conflict.
    'GMP-modulated': dict(
        statistics=CONFIDENCES, lacks=('single', 'duplicates', 'conflict')
    ),
    'GMP-unprojected': dict(projection='none', lacks=('conflict',)),
    'Sum': dict(lacks=('conflict',)),
    # The order of the projections is random for three or more tasks.
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
    # It adds a constant to the norms.
    'torchjd.GradVac': dict(lacks=('scale', 'order')),
    'torchjd.IMTLG': {},
    'torchjd.Krum': dict(n_byzantine=0, sizes=(3, 4)),
    # It selects the first of equal gradients.
    'torchjd.MGDA': dict(lacks=('duplicates',)),
    'torchjd.Mean': dict(lacks=('conflict',)),
    # It prefers the first task, and adds a constant to the norms.
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


# --- weights computed by hand ------------------------------------------------

# Inner products of two gradients -> weights by each type. PCGrad:
# 1 + max(0, -G12) / Gtt; MGDA: (G22 - G12) / (G11 + G22 - 2 G12), clamped.
GOLDENS = [
    ([[1, -0.5], [-0.5, 4]], 'PCGrad', [1.5, 1.125]),
    ([[1, 0.5], [0.5, 4]], 'PCGrad', [1, 1]),
    ([[1, -1], [-1, 1]], 'PCGrad', [2, 2]),
    ([[1, -0.5], [-0.5, 4]], 'MGDA', [0.75, 0.25]),
    ([[1, 2], [2, 9]], 'MGDA', [1, 0]),
    ([[9, 2], [2, 1]], 'MGDA', [0, 1]),
    ([[1, -1], [-1, 1]], 'MGDA', [0.5, 0.5]),
    ([[1, -0.5], [-0.5, 4]], 'UPGrad', [0.75, 0.5625]),
    ([[1, 0.5], [0.5, 4]], 'UPGrad', [0.5, 0.5]),
    ([[1, -1], [-1, 1]], 'UPGrad', [1, 1]),
    ([[1, -0.5], [-0.5, 4]], 'DualProj', [0.5, 0.5]),
    ([[1, -2], [-2, 9]], 'DualProj', [1.0, 0.5]),
    ([[1, -0.5], [-0.5, 4]], 'torchjd.IMTLG', [2 / 3, 1 / 3]),
    ([[1, -0.5], [-0.5, 4]], 'torchjd.AlignedMTL', [0.5348, 0.2855]),
    ([[1, -0.5], [-0.5, 4]], 'torchjd.GradVac', [1.5, 1.125]),
    ([[1, -0.5], [-0.5, 4]], 'torchjd.PCD', [1.0326, 0.1394]),
]


def weigh(type_, gramian, **kwargs):
    """Weights of one encoder."""
    weighting = WEIGHTINGS.build(dict(type=type_, **kwargs))
    tasks = ('a', 'b', 'c', 'd', 'e', 'f')[: len(gramian)]
    matrix = torch.as_tensor(gramian, dtype=torch.float64)
    weights, _ = weighting(dict(video=TaskGramian(tasks, matrix)), {})
    return weights['video']


@pytest.mark.parametrize(('gramian', 'type_', 'expected'), GOLDENS)
def test_two_tasks(gramian, type_, expected):
    assert weigh(type_, gramian) == pytest.approx(expected, abs=1e-4)


def test_weights_are_logged_by_task_and_modality():
    matrix = torch.tensor([[1, -0.5], [-0.5, 4]], dtype=torch.float64)
    gramian = TaskGramian(('semantic', 'domain'), matrix)
    _, log = WEIGHTINGS.build(dict(type='MGDA'))(dict(flow=gramian), {})
    assert log == pytest.approx(
        {'weight/semantic.flow': 0.75, 'weight/domain.flow': 0.25}
    )


def test_pcgrad_projects_vectors_one_after_the_other():
    generator = torch.Generator().manual_seed(0)
    conflicts = 0
    for size in (2, 3, 4):
        for _ in range(20):
            g = torch.randn(size, 3, generator=generator).double()
            torch.manual_seed(1)
            weights = pcgrad_weights(g @ g.T)
            torch.manual_seed(1)
            total = torch.zeros(3, dtype=torch.float64)
            for i in range(size):
                projected = g[i].clone()
                for j in torch.randperm(size).tolist():
                    inner = projected @ g[j]
                    if j != i and inner < 0:
                        projected -= inner / g[j].square().sum() * g[j]
                        conflicts += 1
                total += projected
            torch.testing.assert_close(weights @ g, total)
    assert conflicts > 100


def simplest_projection(lower, gramian):
    """Projection onto the dual cone by coordinate descent."""
    w, gramian = list(lower), gramian.tolist()
    for _ in range(3000):
        for i, row in enumerate(gramian):
            slope = sum(g * x for g, x in zip(row, w))
            w[i] = max(lower[i], w[i] - slope / row[i])
    return w


@pytest.mark.parametrize('size', [2, 3, 4])
def test_projection_on_the_dual_cone_is_the_nearest_direction(size):
    for seed in range(3):
        gramian = random_gramian(size, seed=seed)
        expected = simplest_projection([1 / size] * size, gramian)
        assert weigh('DualProj', gramian) == pytest.approx(
            expected, rel=1e-3, abs=1e-4
        )
        rows = (torch.eye(size) / size).tolist()
        expected = [
            sum(column)
            for column in zip(*(simplest_projection(r, gramian) for r in rows))
        ]
        assert weigh('UPGrad', gramian) == pytest.approx(
            expected, rel=1e-3, abs=1e-4
        )


def test_nearly_dependent_gradients_keep_the_weights_moderate():
    # Up to rounding, the first two gradients are opposite, and the third is
    # orthogonal to them: it conflicts only with their rounding error.
    opposite, across = -1 + 1e-11, -1e-5
    gramian = [[1, opposite, 0], [opposite, 1, across], [0, across, 1]]
    for type_ in ('UPGrad', 'DualProj'):
        assert max(weigh(type_, gramian)) < 1e3


@pytest.mark.parametrize(
    ('type_', 'size', 'hint'),
    [
        ('UPGrad', 5, 'torchjd.UPGrad'),
        ('DualProj', 5, 'torchjd.DualProj'),
        ('MGDA', 6, 'torchjd.MGDA'),
    ],
)
def test_too_many_tasks_are_an_error(type_, size, hint):
    with pytest.raises(ValueError, match=f'at most .* got {size}.*{hint}'):
        weigh(type_, torch.eye(size))
