# Copyright (c) mmgmp authors.
import math

import torch
from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner


@HOOKS.register_module()
class CheckInvalidLossHook(Hook):
    """Stop the training if a loss is not finite.

    MMEngine would continue, and the run would end with chance accuracy. Under
    mixed precision, gradients may overflow in normal operation, but the loss
    does not.

    Args:
        interval: Iterations between checks. Each check waits for the device.
            The last iteration of an epoch is always checked.

    Raises:
        ValueError: ``interval`` is less than 1.
        FloatingPointError: In training, a loss is not finite. The message
            names the loss, its value, the epoch and the iteration.
    """

    def __init__(self, interval: int = 50) -> None:
        if interval < 1:
            raise ValueError(f'`interval` must be at least 1, got {interval}')
        self.interval = interval

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Check the losses of an iteration.

        Args:
            runner: Runner of the training.
            batch_idx: Index of the batch in the epoch.
            data_batch: The batch.
            outputs: Logged terms by name, including the losses.
        """
        is_last = self.is_last_train_iter(runner) or self.end_of_epoch(
            runner.train_dataloader, batch_idx
        )
        if not is_last and not self.every_n_train_iters(runner, self.interval):
            return
        for name, value in (outputs or {}).items():
            if 'loss' not in name:
                continue
            value = float(torch.as_tensor(value).detach())
            if not math.isfinite(value):
                raise FloatingPointError(
                    f'training diverged: {name} is {value} in epoch '
                    f'{runner.epoch + 1}, iteration {runner.iter + 1}'
                )
