# Copyright (c) mmgmp authors.
from contextlib import AbstractContextManager, nullcontext

import torch
from mmengine.device import get_device
from mmengine.runner.amp import autocast

DTYPES = {'float16': torch.float16, 'bfloat16': torch.bfloat16}


class MixedPrecision:
    """Optional autocast and loss scale of an optim wrapper.

    With float16, all losses share one loss scale. An overflow skips the step
    and lowers the scale. bfloat16 has the exponent range of float32 and needs
    no scale.

    Args:
        amp: False disables mixed precision. True uses float16 on a GPU and
            bfloat16 on a CPU. A dict sets ``dtype``, ``'float16'`` or
            ``'bfloat16'``, and ``loss_scale``: ``'dynamic'``, a positive
            number (a fixed scale), or a dict of arguments of
            :class:`torch.amp.GradScaler`.

    Raises:
        TypeError: ``amp`` is neither a bool nor a dict.
        ValueError: A key, the ``dtype`` or the form of ``loss_scale`` is
            unknown, or the dtype is float16 on a CPU.

    Attributes:
        enabled: Whether mixed precision is used.
        scaler: The loss scale; disabled unless the dtype is float16.
    """

    def __init__(self, amp: bool | dict) -> None:
        if not isinstance(amp, (bool, dict)):
            raise TypeError(
                '`amp` must be True, False or a dict of `dtype` and '
                f'`loss_scale`, got {amp!r}'
            )
        device = get_device()
        self.enabled = amp is not False
        settings = dict(
            dtype='bfloat16' if device == 'cpu' else 'float16',
            loss_scale='dynamic',
        )
        if isinstance(amp, dict):
            if unknown := sorted(amp.keys() - settings.keys()):
                raise ValueError(
                    f'`amp` has the keys {unknown}; it takes `dtype` and '
                    '`loss_scale`'
                )
            settings.update(amp)
        dtype = settings['dtype']
        if dtype not in DTYPES:
            raise ValueError(
                f'`dtype` of `amp` must be one of {sorted(DTYPES)}, '
                f'got {dtype!r}'
            )
        if device == 'cpu' and dtype == 'float16':
            raise ValueError(
                "`dtype`='float16' of `amp` needs a GPU; use 'bfloat16' on CPU"
            )
        self.dtype = DTYPES[dtype]
        scaler_args, self._fixed_scale = _read_scale(settings['loss_scale'])
        self.scaler = torch.amp.GradScaler(
            device,
            enabled=self.enabled and dtype == 'float16',
            **scaler_args,
        )

    def autocast(self) -> AbstractContextManager:
        """Return the context manager of the forward pass."""
        return autocast(dtype=self.dtype) if self.enabled else nullcontext()

    def scale(self) -> float:
        """Return the factor of the losses."""
        return self.scaler.get_scale() if self.scaler.is_enabled() else 1.0

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Divide the gradients by the loss scale, once each step."""
        if self.scaler.is_enabled():
            self.scaler.unscale_(optimizer)

    def update(self) -> None:
        """Adapt the loss scale after a step, even a skipped one."""
        self.scaler.update(self._fixed_scale)


def _read_scale(loss_scale: object) -> tuple[dict, float | None]:
    """Return the arguments of the scaler, and the scale if it is fixed."""
    if isinstance(loss_scale, dict):
        return loss_scale, None
    if loss_scale == 'dynamic':
        return {}, None
    if isinstance(loss_scale, (int, float)) and loss_scale > 0:
        return {'init_scale': float(loss_scale)}, float(loss_scale)
    raise ValueError(
        "`loss_scale` of `amp` must be 'dynamic', a positive number or a dict "
        f'of arguments of torch.amp.GradScaler, got {loss_scale!r}'
    )
