# Copyright (c) mmgmp authors.
"""Gloo ranks give the update of one process, or stop with what differs."""

import math
import re
from itertools import product

import pytest
import torch
import torch.distributed as dist
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from torch import nn

from mmgmp.optim import GMPOptimWrapper
from mmgmp.optim.gradients.statistics import StatisticsMean
from mmgmp.utils.collectives import average_scalars
from tests.utils.ranks import run_ranks

from .test_gmp_optim_wrapper import make_wrapper
from .test_gradient_scaling_optim_wrapper import NoisyScaling
from .toy import ToyModel, flat_weights, make_batch, split_batch, train
from .wrapper_checks import build_wrapper

STEPS = 10


class PartlyUsed(ToyModel):
    """Its audio encoder is out of the graph of rank 1."""

    def forward(self, inputs, *args, **kwargs):
        if dist.is_initialized() and dist.get_rank() == 1:
            inputs = [inputs[0], inputs[1] * 0, *inputs[2:]]
            self.audio.requires_grad_(False)
        losses = super().forward(inputs, *args, **kwargs)
        self.audio.requires_grad_(True)
        return losses


class OneRankHas(ToyModel):
    """Rank 1 alone returns or lacks an entry, or uses a layer."""

    def __init__(self, case):
        super().__init__(extra_loss=case == 'further_loss')
        self.case = case
        self.calls = 0
        with torch.random.fork_rng():
            torch.manual_seed(7)
            self.branch = nn.Linear(5, 3)

    def forward(self, inputs, *args, **kwargs):
        losses = super().forward(inputs, *args, **kwargs)
        self.calls += 1
        rank = dist.get_rank()
        if self.case == 'statistic' and rank == 1:
            losses['acc_of_domain_2'] = torch.tensor(0.5)
        if self.case == 'two_names':
            losses[f'acc_of_domain_{rank}'] = torch.tensor(0.5)
        if self.case == 'confidence' and rank == 1:
            del losses['semantic_confidence.audio']
        if self.case == 'loss' and rank == 1 and self.calls == 1:
            del losses['loss_domain']
        if self.case == 'further_loss' and rank == 0:
            del losses['loss_extra']
        if self.case == 'order' and rank == 1:
            losses = dict(reversed(losses.items()))
        if self.case == 'nan':
            losses['acc'] = torch.tensor([0.5, math.nan][rank])
        if self.case == 'frozen':
            self.audio.requires_grad_(rank == 0)
        if self.case == 'branch' and rank == 1:
            scores = self.branch(self.audio(inputs[1]))
            losses['loss_cls'] += nn.functional.cross_entropy(
                scores, inputs[2]
            )
        return losses


# Case -> what is named, and the rank that lacks it.
DIFFERENCES = dict(
    statistic=("entries of the loss dict.*'acc_of_domain_2'", 0),
    two_names=("'acc_of_domain_0' is not on rank 1; 'acc_of_domain_1'", 0),
    confidence=("entries of the loss dict.*'semantic_confidence.audio'", 1),
    tasks=('tasks.*"style=', 1),
    layer=("parameters of the optimizer.*'branch.more.weight'", 0),
)
FAILURES = dict(
    loss="rank 1 has failed: KeyError.*'domain'.*match no loss term",
    further_loss="rank 1 has failed: KeyError.*'loss_extra'",
)
HARMLESS = ('order', 'nan', 'frozen', 'branch')
WRAPPERS = dict(
    parameter=dict(type='GMPOptimWrapper'),
    feature=dict(type='GMPOptimWrapper', granularity='feature'),
    scaling=dict(type=NoisyScaling),
)


def run_difference(rank, case, cfg):
    """Train two updates of two micro-batches; return weights or the error."""
    model = OneRankHas(case)
    if case == 'tasks' and rank == 0:
        model.loss_tasks = dict(semantic=['loss_cls'], style=['loss_domain'])
    ddp = MMDistributedDataParallel(
        model,
        broadcast_buffers=False,
        find_unused_parameters=cfg['type'] is NoisyScaling,
    )
    wrapper = build_wrapper(model, dict(cfg, accumulative_counts=2))
    wrapper.initialize_count_status(ddp, 0, 4)
    if case == 'layer' and rank == 1:
        more = nn.Linear(3, 3, bias=False)
        model.branch.add_module('more', more)
        wrapper.optimizer.add_param_group(dict(params=[more.weight]))
    try:
        for seed in range(4):
            ddp.train_step(split_batch(make_batch(seed), 2)[rank], wrapper)
    except (KeyError, RuntimeError) as error:
        return f'{type(error).__name__}: {error}'
    return flat_weights(model)


def run_differences(rank):
    """All cases in one process group: the ranks stop at the same point."""
    return {
        f'{case}-{name}': run_difference(rank, case, cfg)
        for name, cfg in WRAPPERS.items()
        for case in (*DIFFERENCES, *FAILURES, *HARMLESS)
        if name != 'scaling' or case not in (*FAILURES, 'tasks')
    }


@pytest.fixture(scope='module')
def differences(tmp_path_factory):
    return run_ranks(run_differences, tmp_path_factory.mktemp('differences'))


@pytest.mark.parametrize(
    ('case', 'name'),
    [
        pair
        for pair in product(DIFFERENCES, WRAPPERS)
        if pair != ('tasks', 'scaling')
    ],
)
def test_what_differs_between_ranks_is_named_on_all(differences, case, name):
    named, rank = DIFFERENCES[case]
    for found in differences:
        message = found[f'{case}-{name}']
        assert re.search(f'the ranks differ in the {named}', message) or (
            case == 'two_names' and re.search(named, message)
        )
        assert f'is not on rank {rank}' in message


@pytest.mark.parametrize('name', ['parameter', 'feature'])
@pytest.mark.parametrize('case', FAILURES)
def test_failure_of_one_rank_is_raised_on_all(differences, case, name):
    first, second = (found[f'{case}-{name}'] for found in differences)
    assert re.search(FAILURES[case], first)
    assert second.startswith('KeyError: ')
    assert first.partition('KeyError: ')[2] in second


@pytest.mark.parametrize('name', WRAPPERS)
@pytest.mark.parametrize('case', HARMLESS)
def test_harmless_differences_keep_the_ranks_equal(differences, case, name):
    first, second = (found[f'{case}-{name}'] for found in differences)
    assert torch.equal(first, second)
    assert first.isfinite().all()


def run_branches(rank):
    """Plain and neutral training, where rank 1 alone uses a layer."""
    neutral = dict(alpha_k=0, alpha_p=0, projection='none')
    found = []
    for cfg in (
        dict(type=OptimWrapper),
        dict(type=GMPOptimWrapper, **neutral),
        dict(type=GMPOptimWrapper, granularity='feature', **neutral),
    ):
        model = OneRankHas('branch')
        ddp = MMDistributedDataParallel(
            model, broadcast_buffers=False, find_unused_parameters=True
        )
        batches = [split_batch(make_batch(seed), 2)[rank] for seed in range(4)]
        found.append(train(ddp, build_wrapper(model, cfg), batches))
    return found


def test_parameter_of_one_rank_trains_as_in_stock_ddp(tmp_path):
    for stock, *balanced in run_ranks(run_branches, tmp_path):
        for found in balanced:
            torch.testing.assert_close(found, stock, rtol=1e-5, atol=1e-6)
        # The weights and the bias of the layer.
        start = flat_weights(OneRankHas('branch'))
        assert not torch.equal(stock[-18:], start[-18:])


RUNS = {
    2: [
        (1, ToyModel, 'parameter'),
        (2, ToyModel, 'parameter'),
        (1, PartlyUsed, 'parameter'),
        (1, ToyModel, 'feature'),
    ],
    4: [(1, ToyModel, 'parameter')],
}


def run_rank(rank, world):
    results = {}
    for accumulation, model_type, granularity in RUNS[world]:
        model = model_type()
        ddp = MMDistributedDataParallel(
            model, broadcast_buffers=False, find_unused_parameters=False
        )
        wrapper = make_wrapper(
            model, accumulative_counts=accumulation, granularity=granularity
        )
        batches = [
            piece
            for seed in range(STEPS)
            for piece in split_batch(
                split_batch(make_batch(seed), world)[rank], accumulation
            )
        ]
        train(ddp, wrapper, batches)
        run = f'{world}-{model_type.__name__}-{accumulation}-{granularity}'
        results[run] = flat_weights(model)
    statistics = dict(b=torch.tensor(float(rank)), a=torch.tensor(3.0))
    average_scalars(statistics)
    results[f'{world}-statistics'] = statistics
    # The last rank has the value in two of its forwards.
    mean = StatisticsMean()
    for _ in range(1 + (rank == world - 1)):
        mean.add(dict(a=torch.tensor(float(rank))))
    results[f'{world}-counts'] = mean.pop()
    return results


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    found = {}
    for world in RUNS:
        folder = tmp_path_factory.mktemp('ranks')
        ranks = run_ranks(run_rank, folder, world, world=world)
        found.update({run: [r[run] for r in ranks] for run in ranks[0]})
    return found


@pytest.mark.parametrize('world', RUNS)
def test_statistics_are_means_over_the_ranks(results, world):
    for found in results[f'{world}-statistics']:
        assert found == dict(a=3.0, b=(world - 1) / 2)


@pytest.mark.parametrize('world', RUNS)
def test_each_forward_of_each_rank_counts_once(results, world):
    values = [*range(world), world - 1]
    for found in results[f'{world}-counts']:
        assert found['a'] == sum(values) / len(values)


@pytest.mark.parametrize(
    'run',
    [
        '2-ToyModel-1-parameter',
        '2-ToyModel-2-parameter',
        '2-PartlyUsed-1-parameter',
        '2-ToyModel-1-feature',
        '4-ToyModel-1-parameter',
    ],
)
def test_ranks_agree_bit_for_bit(results, run):
    first, *others = results[run]
    assert len(others) == int(run[0]) - 1
    assert all(torch.equal(first, other) for other in others)
    assert first.isfinite().all()


@pytest.mark.parametrize(
    'run',
    [
        '2-ToyModel-1-parameter',
        '2-ToyModel-2-parameter',
        '2-ToyModel-1-feature',
        '4-ToyModel-1-parameter',
    ],
)
def test_ranks_train_as_one_process(results, run):
    model = ToyModel()
    batches = [make_batch(seed) for seed in range(STEPS)]
    wrapper = make_wrapper(model, granularity=run.split('-')[3])
    weights = train(model, wrapper, batches)
    torch.testing.assert_close(results[run][0], weights, rtol=1e-6, atol=1e-6)
