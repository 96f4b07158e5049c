# Copyright (c) mmgmp authors.
"""Functions that run on several gloo ranks."""

import torch
import torch.distributed as dist

from tests.utils.killable import start


def run_ranks(function, folder, *args, world=2):
    """Run ``function(rank, *args)`` on gloo ranks in separate processes.

    Args:
        function: A function of a module.
        folder: An empty folder.
        *args: Other arguments of the function.
        world: Number of ranks.

    Returns:
        The result of each rank, tensors and plain data.
    """
    ranks = [
        start(_run_rank, function, rank, world, str(folder), args)
        for rank in range(world)
    ]
    for process in ranks:
        process.join(120)
    assert [process.exitcode for process in ranks] == [0] * world
    return [
        torch.load(folder / f'{rank}.pth', weights_only=True)
        for rank in range(world)
    ]


def _run_rank(function, rank, world, folder, args):
    torch.set_num_threads(1)
    dist.init_process_group(
        'gloo',
        init_method=f'file://{folder}/init',
        rank=rank,
        world_size=world,
    )
    torch.save(function(rank, *args), f'{folder}/{rank}.pth')
    # Without the barrier, destroying the group can deadlock with threads of
    # gloo that complete a reduction.
    dist.barrier()
    dist.destroy_process_group()
