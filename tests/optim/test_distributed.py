# Copyright (c) mmgmp authors.
"""Two gloo ranks give the update of one process on the whole batch."""

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.model import MMDistributedDataParallel

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


def run_rank(rank, init_file, result_file):
    dist.init_process_group(
        'gloo', init_method=f'file://{init_file}', rank=rank, world_size=2
    )
    results = {}
    for accumulation, model_type, granularity in (
        (1, ToyModel, 'parameter'),
        (2, ToyModel, 'parameter'),
        (1, PartlyUsed, 'parameter'),
        (1, ToyModel, 'feature'),
    ):
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
                split_batch(make_batch(seed), 2)[rank], accumulation
            )
        ]
        train(ddp, wrapper, batches)
        weights = flat_weights(model)
        both = [torch.empty_like(weights) for _ in range(2)]
        dist.all_gather(both, weights)
        results[f'{model_type.__name__}-{accumulation}-{granularity}'] = both
    if rank == 0:
        torch.save(results, result_file)
    dist.destroy_process_group()


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp('ranks')
    args = (str(folder / 'init'), str(folder / 'result.pth'))
    mp.spawn(run_rank, args=args, nprocs=2)
    return torch.load(args[1], weights_only=True)


@pytest.mark.parametrize(
    'run',
    [
        'ToyModel-1-parameter',
        'ToyModel-2-parameter',
        'PartlyUsed-1-parameter',
        'ToyModel-1-feature',
    ],
)
def test_ranks_agree_bit_for_bit(results, run):
    assert torch.equal(*results[run])
    assert results[run][0].isfinite().all()


@pytest.mark.parametrize(
    'run',
    ['ToyModel-1-parameter', 'ToyModel-2-parameter', 'ToyModel-1-feature'],
)
def test_two_ranks_train_as_one_process(results, run):
    model = ToyModel()
    batches = [make_batch(seed) for seed in range(STEPS)]
    wrapper = make_wrapper(model, granularity=run.split('-')[2])
    weights = train(model, wrapper, batches)
    torch.testing.assert_close(results[run][0], weights, rtol=1e-6, atol=1e-6)
