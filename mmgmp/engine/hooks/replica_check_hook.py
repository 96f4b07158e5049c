# Copyright (c) mmgmp authors.
import torch
from mmaction.registry import HOOKS
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import Tensor

INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def checksums(tensors: list[Tensor]) -> Tensor:
    """Sum of each tensor's bits, read as integers of its element size.

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
    """Stop distributed training if the ranks' parameters differ.

    Ranks that drift apart train on without an error, and the checkpoint is
    that of the first one. Every ``interval`` iterations the ranks compare a
    checksum of each parameter, bit for bit, which costs one read of the
    parameters and two small reductions. In a single process nothing is done.

    Args:
        interval: Iterations between two checks, at least 1.

    Raises:
        ValueError: An ``interval`` below 1.
        RuntimeError: (in training) On all ranks, naming the parameters.
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
        lowest = checksums(params)
        highest = lowest.clone()
        all_reduce(lowest, op='min')
        all_reduce(highest, op='max')
        differ = (lowest != highest).tolist()
        if any(differ):
            found = [name for name, bad in zip(names, differ) if bad]
            raise RuntimeError(
                f'after iteration {runner.iter + 1} the ranks differ in '
                f'{len(found)} of {len(names)} parameters, {found[0]!r} the '
                'first of them: something changes the model or its gradients '
                'on one rank alone'
            )
