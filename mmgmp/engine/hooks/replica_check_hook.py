# Copyright (c) mmgmp authors.
from collections.abc import Sequence

import torch
from mmaction.registry import HOOKS
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import Tensor

from mmgmp.utils.collectives import check_agreement

INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def checksums(tensors: Sequence[Tensor]) -> Tensor:
    """Sum the bits of each tensor, as integers of its element size.

    Args:
        tensors: P real tensors on one device.

    Returns:
        (P,) int64.
    """
    return torch.stack(
        [
            tensor.detach()
            .contiguous()
            .flatten()
            .view(INTEGERS[tensor.element_size()])
            .sum(dtype=torch.int64)
            for tensor in tensors
        ]
    )


@HOOKS.register_module()
class ReplicaCheckHook(Hook):
    """Stop distributed training if the parameters of the ranks differ.

    Without this check, diverging ranks continue without an error, and the
    checkpoint contains the parameters of the first rank. Every ``interval``
    iterations, the ranks compare a checksum of the bits of each parameter.
    This takes one read of the parameters and three small reductions. In a
    single process, the hook does nothing.

    Args:
        interval: Iterations between two checks, at least 1.

    Raises:
        ValueError: ``interval`` is less than 1.
        RuntimeError: In training, on all ranks: parameters differ, or only
            some ranks have them. The message names them.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 100) -> None:
        if interval < 1:
            raise ValueError(
                f'`interval` must be at least 1 iteration, got {interval}'
            )
        self.interval = interval

    def after_train_iter(
        self, runner, batch_idx: int, data_batch=None, outputs=None
    ) -> None:
        """Compare the parameters of the ranks."""
        if get_world_size() == 1:
            return
        if not self.every_n_train_iters(runner, self.interval):
            return
        model = runner.model
        module = model.module if is_model_wrapper(model) else model
        names, params = zip(*module.named_parameters())
        check_agreement({'parameters of the model': names})
        lowest = checksums(params)
        highest = lowest.clone()
        all_reduce(lowest, op='min')
        all_reduce(highest, op='max')
        differ = (lowest != highest).tolist()
        if any(differ):
            found = [name for name, bad in zip(names, differ) if bad]
            raise RuntimeError(
                f'after iteration {runner.iter + 1} the ranks differ in '
                f'{len(found)} of {len(names)} parameters, first in '
                f'{found[0]!r}: something changes the model or its gradients '
                'on one rank only'
            )
