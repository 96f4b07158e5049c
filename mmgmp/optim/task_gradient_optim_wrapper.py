# Copyright (c) mmgmp authors.
import logging
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import contextmanager

from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .feature_gradients import FeatureGradients
from .modality_parameters import (
    Prefixes,
    prefix_lists,
    split_parameters,
    unwrap_model,
)
from .parameter_gradients import ParameterGradients
from .task_gradients import group_losses, reduce_term

GRANULARITIES = ('parameter', 'feature')


class TaskGradientOptimWrapper(OptimWrapper):
    """Base of the wrappers that weigh the gradients of several tasks.

    The wrapper hears the loss dict by a forward hook, so it works with any
    mmengine model that returns named losses, in DDP or not. Order of
    operations of one update:

    1. forward without gradient synchronization, then one backward pass per
       task through the one graph;
    2. sum over the micro-batches of gradient accumulation;
    3. mean over the ranks;
    4. per modality, weights from the (T, T) Gramian of the task gradients at
       its encoder, and ``.grad = sum_t w_t g_t``; every other parameter gets
       the plain sum over the tasks;
    5. clip and step as the stock wrapper does.

    The weights are those of the whole batch: one batch of 8, two
    micro-batches of 4 and two ranks of 4 give the same update.

    A step whose gradients are not all finite is skipped, counted in
    ``skipped_steps`` and logged; it leaves every weight as it was.

    Args:
        tasks: Task name -> keys of the loss dict that make up its loss.
        modalities: Modality -> prefix(es) of its encoder's modules in the
            model, e.g. ``dict(video='backbone.video')``. None asks the model
            for its attribute ``modality_modules``.
        granularity: ``'parameter'``, exact: weights from the gradients at
            the encoders' parameters; or ``'feature'``, as fast as plain
            training: from those at the encoders' outputs. See
            :class:`ParameterGradients` and :class:`FeatureGradients`.
        **kwargs: Arguments of :class:`mmengine.optim.OptimWrapper`.

    Raises:
        ValueError: ``tasks`` is empty, has a task without loss terms, or
            names a loss term twice; or an unknown ``granularity``.
    """

    def __init__(
        self,
        tasks: dict[str, Sequence[str]],
        modalities: dict[str, Prefixes] | None = None,
        granularity: str = 'parameter',
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if granularity not in GRANULARITIES:
            raise ValueError(
                f'`granularity` must be one of {GRANULARITIES}, got '
                f'{granularity!r}'
            )
        keys = [key for terms in tasks.values() for key in terms]
        if not tasks or not all(tasks.values()) or len({*keys}) < len(keys):
            raise ValueError(
                '`tasks` must map each task to at least one key of the loss '
                f'dict and name no key twice, got {tasks}'
            )
        self.tasks = {task: list(terms) for task, terms in tasks.items()}
        self.modalities = modalities
        self.granularity = granularity
        self.skipped_steps = 0
        self._hooks = []
        self._losses: dict | None = None

    @abstractmethod
    def task_weights(
        self, gramians: dict[str, Tensor], statistics: dict[str, float]
    ) -> dict[str, Sequence[float]]:
        """Weights of the tasks at each modality's encoder.

        Args:
            gramians: Modality -> (T, T) finite float64 CPU tensor of inner
                products; tasks in the order of ``tasks``.
            statistics: Means over the whole batch of the entries of the loss
                dict.

        Returns:
            Modality -> T weights.
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
                DeepSpeed, ``static_graph=True``), no modalities, modalities
                that share a parameter, or a prefix without any trained
                parameter.
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
        for hook in self._hooks:
            hook.remove()
        granularity = (
            FeatureGradients
            if self.granularity == 'feature'
            else ParameterGradients
        )
        self._gradients = granularity(
            split_parameters(module, modalities),
            len(self.tasks),
            self.task_weights,
            module,
            prefix_lists(modalities),
        )
        self._losses = None
        self._hooks = [
            module.register_forward_pre_hook(self._forget_losses),
            module.register_forward_hook(
                self._record_losses, with_kwargs=True
            ),
            *self._gradients.hooks,
        ]

    def _forget_losses(self, *args) -> None:
        # The graph of a forward that no backward pass followed.
        self._losses = None

    def _record_losses(self, module, args, kwargs, output) -> None:
        if kwargs.get('mode') == 'loss':
            self._losses = output

    @contextmanager
    def optim_context(self, model: nn.Module):
        """Forward without synchronization: :meth:`step` reduces by itself.

        Args:
            model: The training model.
        """
        if isinstance(model, DistributedDataParallel):
            with model.no_sync():
                yield
        else:
            yield

    def backward(self, loss: Tensor) -> None:
        """One backward pass per task through the last forward's graph.

        Args:
            loss: Scalar sum of all losses. Not used: the tasks' losses are
                scaled in its stead.

        Raises:
            RuntimeError: No forward in ``mode='loss'`` came before.
            KeyError: A loss term in no task, or a task without its term.
            ValueError: A task's loss that depends on no trained parameter.
        """
        if self._losses is None:
            raise RuntimeError(
                f'{type(self).__name__} has seen no loss dict: call '
                '`initialize_count_status(model, ...)` once before training '
                "and `model(..., mode='loss')` before each `update_params`"
            )
        losses, self._losses = self._losses, None
        task_losses = group_losses(losses, self.tasks)
        for task, task_loss in task_losses.items():
            if not task_loss.requires_grad:
                raise ValueError(
                    f'the loss of task {task!r}, {self.tasks[task]}, depends '
                    'on no trained parameter; drop the task from `tasks`'
                )
        self._gradients.backward(
            [self.scale_loss(task_loss) for task_loss in task_losses.values()],
            {k: reduce_term(v).detach() for k, v in losses.items()},
        )
        self._inner_count += 1

    def step(self, **kwargs) -> None:
        """Weigh the task gradients, then clip and step.

        Args:
            **kwargs: Arguments of :meth:`torch.optim.Optimizer.step`.
        """
        finite = self._gradients.finish()
        if not finite:
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
        self._apply_gradients(finite, **kwargs)

    def _apply_gradients(self, finite: bool, **kwargs) -> None:
        """Clip and step, unless a gradient is not finite."""
        if finite:
            super().step(**kwargs)

    def state_dict(self) -> dict:
        """State of the optimizer, and the number of skipped steps."""
        return dict(super().state_dict(), skipped_steps=self.skipped_steps)

    def load_state_dict(self, state_dict: dict) -> None:
        """Load what :meth:`state_dict` gives, or a stock wrapper's state.

        Args:
            state_dict: State of this wrapper or of a stock wrapper.
        """
        state_dict = dict(state_dict)
        self.skipped_steps = state_dict.pop('skipped_steps', 0)
        super().load_state_dict(state_dict)
