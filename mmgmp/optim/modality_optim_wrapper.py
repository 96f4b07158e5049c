# Copyright (c) mmgmp authors.
import logging
import math
from abc import ABC, abstractmethod
from contextlib import contextmanager

import torch
from mmengine.dist import broadcast
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmgmp.utils.seeding import Stream, derive_seed

from .gradients import (
    Prefixes,
    prefix_lists,
    split_parameters,
    unwrap_model,
)
from .mixed_precision import MixedPrecision


class ModalityOptimWrapper(OptimWrapper, ABC):
    """Base of the wrappers that treat the encoder of each modality apart.

    The wrapper captures the loss dict by a forward hook, so it works with any
    mmengine model that returns named losses, in DDP or not. It knows which
    parameters belong to which modality, and has mixed precision as an
    argument.

    A step whose gradients or statistics are not all finite is skipped,
    counted in ``skipped_steps`` and logged; it leaves every weight as it was.

    A subclass says in :meth:`prepare_gradients` what is descended.

    Args:
        optimizer: The optimizer.
        modalities: Modality -> prefix(es) of its encoder's modules in the
            model, e.g. ``dict(video='backbone.video')``. None asks the model
            for its attribute ``modality_modules``.
        amp: Mixed precision: False, True (float16 on a GPU, bfloat16 on CPU)
            or ``dict(dtype='bfloat16', loss_scale='dynamic')``; see
            :class:`~mmgmp.optim.mixed_precision.MixedPrecision`.
        **kwargs: Arguments of :class:`mmengine.optim.OptimWrapper`.

    Attributes:
        params: The trained parameters by modality, once training begins.
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
        self._hooks = []
        self._losses: dict | None = None

    @abstractmethod
    def prepare_gradients(self) -> bool:
        """Put into ``.grad`` what is descended, without the loss scale.

        Returns:
            Whether all of it is finite.
        """

    def initialize_count_status(
        self, model: nn.Module, init_counts: int, max_counts: int
    ) -> None:
        """Attach the wrapper to the model; called once before training.

        Args:
            model: Training model, in DDP or not.
            init_counts: Initial value of the inner count.
            max_counts: Maximum value of the inner count.

        Raises:
            ValueError: A model wrapper that hides the gradients (FSDP,
                DeepSpeed), no modalities, modalities that share a parameter,
                or a prefix without any trained parameter.
        """
        super().initialize_count_status(model, init_counts, max_counts)
        module = unwrap_model(model)
        modalities = self.modalities
        if modalities is None:
            modalities = getattr(module, 'modality_modules', None)
        if not modalities:
            raise ValueError(
                '`modalities` must name the modules of each modality, such '
                "as dict(video='backbone.video', audio='backbone.audio'), "
                f'for a {type(module).__name__}, which has no attribute '
                f'`modality_modules` to ask; got {self.modalities}'
            )
        self.params = split_parameters(module, modalities)
        for hook in self._hooks:
            hook.remove()
        self._losses = None
        self._hooks = [
            module.register_forward_pre_hook(self._forget_losses),
            module.register_forward_hook(
                self._record_losses, with_kwargs=True
            ),
            *self.attach(module, prefix_lists(modalities)),
        ]
        # Each rank may have a seed of its own.
        seed = torch.tensor(self.message_hub.get_info('seed') or 0)
        broadcast(seed)
        self._seed = int(seed)

    def attach(self, module: nn.Module, modalities: dict[str, list]) -> list:
        """Prepare for a model.

        Args:
            module: The model, not wrapped.
            modalities: Modality -> names of its encoder's modules.

        Returns:
            Handles of hooks that go when the wrapper leaves the model.
        """
        return []

    def _forget_losses(self, *args) -> None:
        # The graph of a forward that no backward pass followed.
        self._losses = None

    def _record_losses(self, module, args, kwargs, output) -> None:
        if kwargs.get('mode') == 'loss':
            self._losses = output

    def pop_losses(self) -> dict:
        """The loss dict of the last forward, once.

        Raises:
            RuntimeError: No forward in ``mode='loss'`` came before.
        """
        if self._losses is None:
            raise RuntimeError(
                f'{type(self).__name__} has seen no loss dict: call '
                '`initialize_count_status(model, ...)` once before training '
                "and `model(..., mode='loss')` before each `update_params`"
            )
        losses, self._losses = self._losses, None
        return losses

    @contextmanager
    def optim_context(self, model: nn.Module):
        """Forward in the precision of ``amp``.

        Args:
            model: The training model.
        """
        with super().optim_context(model), self.precision.autocast():
            yield

    def scale_loss(self, loss: Tensor) -> Tensor:
        """Divide by the micro-batches and multiply by the loss scale.

        Args:
            loss: Scalar loss.
        """
        return self.precision.scaler.scale(super().scale_loss(loss))

    @contextmanager
    def same_draws(self):
        """Random numbers that are the same on all ranks and when resumed.

        They depend on the seed of the run and the number of the update.
        Torch's generators are as before afterwards.
        """
        update = math.ceil(self._inner_count / self._accumulative_counts)
        seed = derive_seed(Stream.UPDATE, self._seed, update)
        device = self.params.encoders[0].device
        on_gpu = device.type == 'cuda'
        with torch.random.fork_rng([device] if on_gpu else []):
            torch.default_generator.manual_seed(seed)
            if on_gpu:
                torch.cuda.manual_seed(seed)
            yield

    def step(self, **kwargs) -> None:
        """Prepare the gradients, then clip and step as the stock wrapper.

        Args:
            **kwargs: Arguments of :meth:`torch.optim.Optimizer.step`.
        """
        if self.prepare_gradients():
            if self.clip_grad_kwargs:
                self._clip_grad()
            self.precision.scaler.step(self.optimizer, **kwargs)
        else:
            self.skipped_steps += 1
            print_log(
                'Skipped an optimizer step: the gradients are not finite '
                f'({self.skipped_steps} skipped so far).',
                logger='current',
                level=logging.WARNING,
            )
            self.message_hub.update_scalar(
                'train/skipped_steps', self.skipped_steps
            )
        self.precision.update()

    def state_dict(self) -> dict:
        """State of the optimizer, skipped steps, and of the loss scale."""
        state = dict(super().state_dict(), skipped_steps=self.skipped_steps)
        if self.precision.enabled:
            state['loss_scaler'] = self.precision.scaler.state_dict()
        return state

    def load_state_dict(self, state_dict: dict) -> None:
        """Load what :meth:`state_dict` gives, or a stock wrapper's state.

        Args:
            state_dict: State of this wrapper or of a stock wrapper.
        """
        state_dict = dict(state_dict)
        self.skipped_steps = state_dict.pop('skipped_steps', 0)
        if scaler_state := state_dict.pop('loss_scaler', None):
            self.precision.scaler.load_state_dict(scaler_state)
        super().load_state_dict(state_dict)
