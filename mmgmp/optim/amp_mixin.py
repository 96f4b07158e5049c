# Copyright (c) mmgmp authors.
from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.runner.amp import autocast
from torch import Tensor, nn

DTYPES = {'float16': torch.float16, 'bfloat16': torch.bfloat16}


class AmpMixin:
    """Mixed precision for a :class:`TaskGradientOptimWrapper`.

    The forward runs under autocast. With float16, all task losses share one
    loss scale: the weights of a rule that is invariant to it, such as GMP's,
    are those of the true gradients, and an overflow in any task makes the
    step be skipped and the scale be lowered. bfloat16 has the exponents of
    float32 and needs no scale.

    Args:
        dtype: ``'float16'`` or ``'bfloat16'``. None is float16 on a GPU and
            bfloat16 on CPU.
        loss_scale: ``'dynamic'``, a positive number (a fixed scale), or a
            dict of arguments of :class:`torch.amp.GradScaler`. Used with
            float16 alone.
        **kwargs: Arguments of the wrapper.

    Raises:
        ValueError: An unknown ``dtype``, float16 on CPU, or a ``loss_scale``
            of another form.
    """

    def __init__(
        self,
        dtype: str | None = None,
        loss_scale: str | float | dict = 'dynamic',
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        device = get_device()
        if dtype is None:
            dtype = 'bfloat16' if device == 'cpu' else 'float16'
        if dtype not in DTYPES:
            raise ValueError(
                f'`dtype` must be one of {sorted(DTYPES)}, got {dtype!r}'
            )
        if device == 'cpu' and dtype == 'float16':
            raise ValueError(
                "`dtype`='float16' needs a GPU; use 'bfloat16' on CPU"
            )
        self.cast_dtype = DTYPES[dtype]
        self._fixed_scale = None
        if isinstance(loss_scale, dict):
            scaler_args = loss_scale
        elif loss_scale == 'dynamic':
            scaler_args = {}
        elif isinstance(loss_scale, (int, float)) and loss_scale > 0:
            self._fixed_scale = float(loss_scale)
            scaler_args = {'init_scale': self._fixed_scale}
        else:
            raise ValueError(
                "`loss_scale` must be 'dynamic', a positive number or a dict "
                f'of arguments of torch.amp.GradScaler, got {loss_scale!r}'
            )
        self.loss_scaler = torch.amp.GradScaler(
            device, enabled=dtype == 'float16', **scaler_args
        )

    @contextmanager
    def optim_context(self, model: nn.Module):
        """Forward in mixed precision.

        Args:
            model: The training model.
        """
        with super().optim_context(model), autocast(dtype=self.cast_dtype):
            yield

    def scale_loss(self, loss: Tensor) -> Tensor:
        """Divide by the micro-batches and multiply by the loss scale.

        Args:
            loss: Scalar loss.
        """
        return self.loss_scaler.scale(super().scale_loss(loss))

    def _apply_gradients(self, finite: bool, **kwargs) -> None:
        if not self.loss_scaler.is_enabled():
            super()._apply_gradients(finite, **kwargs)
            return
        # The scaler finds the non-finite gradient by itself: it skips the
        # step and lowers the scale.
        self.loss_scaler.unscale_(self.optimizer)
        if self.clip_grad_kwargs and finite:
            self._clip_grad()
        self.loss_scaler.step(self.optimizer, **kwargs)
        self.loss_scaler.update(self._fixed_scale)

    def state_dict(self) -> dict:
        """State of the wrapper and of the loss scale."""
        return dict(
            super().state_dict(), loss_scaler=self.loss_scaler.state_dict()
        )

    def load_state_dict(self, state_dict: dict) -> None:
        """Load what :meth:`state_dict` gives, or a stock wrapper's state.

        Args:
            state_dict: State of this wrapper or of a stock wrapper.
        """
        state_dict = dict(state_dict)
        scaler_state = state_dict.pop('loss_scaler', None)
        if scaler_state:
            self.loss_scaler.load_state_dict(scaler_state)
        super().load_state_dict(state_dict)
