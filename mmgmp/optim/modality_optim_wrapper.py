# Copyright (c) mmgmp authors.
import logging
import math
import operator
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, contextmanager

import torch
from mmengine.dist import broadcast
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.hooks import RemovableHandle

from mmgmp.utils.seeding import Stream, derive_seed, fixed_draws

from .gradients.encoder_parameters import (
    Prefixes,
    find_modalities,
    split_parameters,
    unwrap_model,
)
from .gradients.loss_terms import LossDict, LossRecorder
from .mixed_precision import MixedPrecision


class ModalityOptimWrapper(OptimWrapper, ABC):
    """Base class of wrappers that treat the encoders of modalities separately.

    The wrapper captures the loss dict with a forward hook, so it works with
    any MMEngine model that returns named losses, with and without DDP. It
    groups the parameters by modality, and supports mixed precision.

    As in the stock wrapper, the parameters of the optimizer that require a
    gradient in this step are trained, whatever was frozen or unfrozen before.
    Parameters that enter the optimizer during training are trained from the
    next update on. An encoder without a trained parameter of its own, because
    it is frozen or because modalities share it, is not treated separately; its
    statistics still count.

    If the gradients or statistics are not finite, the wrapper skips the step,
    counts it in ``skipped_steps`` and logs it. The parameters then do not
    change.

    A subclass computes the final gradients in :meth:`prepare_gradients`.

    Args:
        optimizer: The optimizer.
        modalities: Modality -> prefix(es) of the modules of its encoder in
            the model, e.g. ``dict(video='backbone.video')``. None uses the
            attribute ``modality_modules`` of the model.
        amp: Mixed precision: False, True (float16 on a GPU, bfloat16 on CPU)
            or ``dict(dtype='bfloat16', loss_scale='dynamic')``; see
            :class:`~mmgmp.optim.mixed_precision.MixedPrecision`.
        **kwargs: Arguments of :class:`mmengine.optim.OptimWrapper`.

    Attributes:
        params: The parameters by modality, set when training starts.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        modalities: dict[str, Prefixes] | None = None,
        amp: bool | dict = False,
        **kwargs,
    ) -> None:
        super().__init__(optimizer=optimizer, **kwargs)
        self.modalities = modalities
        self.precision = MixedPrecision(amp)
        self.skipped_steps = 0
        self._hooks: list[RemovableHandle] = []
        self.losses: LossRecorder | None = None
        self._pending = False
        self._optimized: list[nn.Parameter] = []
        self._reported: list[list[str]] = []
        # Entries of the loss dict that were not finite in the last step.
        self.not_finite: list[str] = []

    @abstractmethod
    def prepare_gradients(self) -> bool:
        """Write the final gradients into ``.grad``, without the loss scale.

        Returns:
            Whether they are finite.
        """

    @abstractmethod
    def reset(self) -> None:
        """Discard what was collected since the last update."""

    def initialize_count_status(
        self, model: nn.Module, init_counts: int, max_counts: int
    ) -> None:
        """Attach the wrapper to the model; called once before training.

        Args:
            model: Training model, with or without DDP.
            init_counts: Initial value of the inner count.
            max_counts: Maximum value of the inner count.

        Raises:
            ValueError: A model wrapper hides the gradients (FSDP, DeepSpeed),
                there are no modalities, or a prefix names no module.
        """
        super().initialize_count_status(model, init_counts, max_counts)
        self._attach(unwrap_model(model))
        # Ranks may have different seeds.
        seed = torch.tensor(self.message_hub.get_info('seed') or 0)
        broadcast(seed)
        self._seed = int(seed)

    def _attach(self, module: nn.Module) -> None:
        """Group the parameters, and register the hooks."""
        modalities = find_modalities(self.modalities, module)
        self._optimized = self._in_optimizer()
        self.params = split_parameters(module, modalities, self._optimized)
        for hook in self._hooks:
            hook.remove()
        self._pending = False
        self.losses = LossRecorder(module)
        self._hooks = [
            *self.losses.hooks,
            module.register_forward_pre_hook(self._before_forward),
            *self.attach(module, modalities),
        ]
        self.reset()
        if 'torch._dynamo' in sys.modules:
            # A forward pass that was compiled earlier would skip the hooks.
            torch.compiler.reset()

    def _in_optimizer(self) -> list[nn.Parameter]:
        return [p for g in self.optimizer.param_groups for p in g['params']]

    def attach(
        self, module: nn.Module, modalities: dict[str, list[str]]
    ) -> list[RemovableHandle]:
        """Prepare for a model.

        Args:
            module: The model, without a wrapper.
            modalities: Modality -> names of the modules of its encoder.

        Returns:
            Handles of hooks, which the wrapper removes when it is attached to
            another model.
        """
        return []

    @torch.compiler.disable
    def _before_forward(self, module: nn.Module, *args) -> None:
        if self._pending or self.losses:
            return
        now = self._in_optimizer()
        if len(now) != len(self._optimized) or any(
            map(operator.is_not, now, self._optimized)
        ):
            self._attach(module)

    def _report_frozen(self) -> None:
        """Say once which encoders are not treated separately."""
        frozen = self.params.frozen()
        if frozen and frozen not in self._reported:
            self._reported.append(frozen)
            _warn(
                f'The encoders of {frozen} have no trained parameter of their '
                'own: these modalities are compared, but not balanced.'
            )

    def facts(self) -> dict[str, Sequence[str]]:
        """Return what must be the same on all ranks, and its parts."""
        return {
            'parameters of the optimizer': self.params.names,
            'modalities': [*self.params.spans],
        }

    def pop_losses(self) -> list[LossDict]:
        """Return the loss dicts since the last backward pass, and forget them.

        Raises:
            RuntimeError: There was no forward in ``mode='loss'``.
        """
        if not self.losses:
            raise RuntimeError(
                f'{type(self).__name__} has no loss dict: call '
                '`initialize_count_status(model, ...)` once before training '
                "and `model(..., mode='loss')` before each `update_params`"
            )
        self._pending = True
        self._report_frozen()
        return self.losses.pop()

    @contextmanager
    def optim_context(self, model: nn.Module):
        """Run the forward in the precision of ``amp``.

        Args:
            model: The training model.
        """
        if isinstance(model, DistributedDataParallel):
            # Without gradient synchronization, DDP does not broadcast buffers
            # again. The stock wrapper does it once per update.
            first = self._inner_count % self._accumulative_counts == 0
            model.require_forward_param_sync |= first
        with super().optim_context(model), self.precision.autocast():
            yield

    def same_draws(self) -> AbstractContextManager:
        """Draw the same random numbers on all ranks and in a resumed run.

        The numbers depend on the seed of the run and the number of the update.
        Afterwards, torch's generators are restored.
        """
        update = math.ceil(self._inner_count / self._accumulative_counts)
        seed = derive_seed(Stream.UPDATE, self._seed, update)
        return fixed_draws(seed, self._optimized[0].device)

    @torch.compiler.disable
    def update_params(self, *args, **kwargs) -> None:
        """Update the parameters, outside a compiled training step.

        Args:
            *args: Arguments of the stock method.
            **kwargs: Arguments of the stock method.
        """
        super().update_params(*args, **kwargs)

    def step(self, **kwargs) -> None:
        """Prepare the gradients, then clip and step as in the stock wrapper.

        Args:
            **kwargs: Arguments of :meth:`torch.optim.Optimizer.step`.

        Raises:
            RuntimeError: There was no :meth:`backward` since the last step.
        """
        if not self._pending:
            raise RuntimeError(
                f'`step` of {type(self).__name__} needs the gradients of its '
                'own `backward`: call `update_params(loss)` or '
                '`backward(loss)` of the wrapper, not `loss.backward()`'
            )
        self._pending = False
        if self.prepare_gradients():
            if self.clip_grad_kwargs:
                self._clip_grad()
            self.precision.scaler.step(self.optimizer, **kwargs)
        else:
            self.skipped_steps += 1
            entries = ''
            if self.not_finite:
                entries = f'; not finite in the loss dict: {self.not_finite}'
            _warn(
                'Skipped an optimizer step: the gradients or the statistics '
                f'are not finite ({self.skipped_steps} skipped so '
                f'far){entries}.'
            )
            self.message_hub.update_scalar(
                'train/skipped_steps', self.skipped_steps
            )
        self.precision.update()

    def zero_grad(self, **kwargs) -> None:
        """Discard all gradients and statistics since the last update.

        Args:
            **kwargs: Arguments of :meth:`torch.optim.Optimizer.zero_grad`.
        """
        super().zero_grad(**kwargs)
        self._pending = False
        if self._hooks:
            self.reset()

    def state_dict(self) -> dict:
        """Return the optimizer state, the skipped steps and the loss scale."""
        state = dict(super().state_dict(), skipped_steps=self.skipped_steps)
        if self.precision.enabled:
            state['loss_scaler'] = self.precision.scaler.state_dict()
        return state

    def load_state_dict(self, state_dict: dict) -> None:
        """Load a state.

        Args:
            state_dict: State of this wrapper or of a stock wrapper.
        """
        state_dict = dict(state_dict)
        self.skipped_steps = state_dict.pop('skipped_steps', 0)
        if scaler_state := state_dict.pop('loss_scaler', None):
            self.precision.scaler.load_state_dict(scaler_state)
        super().load_state_dict(state_dict)


def _warn(message: str) -> None:
    print_log(message, logger='current', level=logging.WARNING)
