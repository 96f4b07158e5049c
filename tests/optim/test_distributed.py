# Copyright (c) mmgmp authors.
"""Gloo ranks give the update of one process on the whole batch."""

import pytest
import torch
import torch.distributed as dist
from mmengine.model import MMDistributedDataParallel

from mmgmp.utils.collectives import average_scalars
from tests.utils.ranks import run_ranks

from .test_gmp_optim_wrapper import make_wrapper
from .toy import ToyModel, flat_weights, make_batch, split_batch, train

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
