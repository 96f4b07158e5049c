# Copyright (c) mmgmp authors.
import math
from collections.abc import Sequence

import torch
from mmaction.registry import OPTIM_WRAPPERS
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .gradients import (
    FeatureGradients,
    ParameterGradients,
    check_tasks,
    group_losses,
    mean_terms,
    order_tasks,
)
from .modality_optim_wrapper import ModalityOptimWrapper
from .weightings.build import build_weighting
from .weightings.weighting import TaskGramian, present_tasks

COLLECTORS = dict(parameter=ParameterGradients, feature=FeatureGradients)


@OPTIM_WRAPPERS.register_module()
class TaskGradientOptimWrapper(ModalityOptimWrapper):
    """Weighs the gradients of several tasks at each modality's encoder.

    Order of operations of one update:

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

    A task that does not reach an encoder has no part in its weights.

    Args:
        optimizer: The optimizer.
        weighting: Config of the rule, a type of
            :data:`mmgmp.registry.WEIGHTINGS`: ``'Sum'``, ``'GMP'``,
            ``'PCGrad'``, ``'MGDA'``, ``'UPGrad'``, ``'DualProj'`` or
            ``'torchjd.<Name>'``.
        tasks: Task name -> globs of the loss terms that make up its loss.
            None asks the model for its attribute ``loss_tasks``.
        modalities: See :class:`ModalityOptimWrapper`.
        granularity: ``'parameter'``, exact: weights from the gradients at
            the encoders' parameters; or ``'feature'``, as fast as plain
            training: from those at the encoders' outputs. See
            :class:`~mmgmp.optim.gradients.ParameterGradients` and
            :class:`~mmgmp.optim.gradients.FeatureGradients`.
        **kwargs: Arguments of :class:`ModalityOptimWrapper`.

    Raises:
        TypeError: A task with one glob where a list of globs belongs.
        ValueError: ``tasks`` is empty, has a task without globs, or names a
            glob twice; or an unknown ``granularity``.

    Example:
        >>> optim_wrapper = dict(
        ...     type='TaskGradientOptimWrapper',
        ...     weighting=dict(type='MGDA'),
        ...     tasks=dict(fused=['loss_cls'], single=['loss_cls.*']),
        ...     optimizer=dict(type='Adam', lr=1e-4))
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        weighting: dict,
        tasks: dict[str, Sequence[str]] | None = None,
        modalities: dict | None = None,
        granularity: str = 'parameter',
        **kwargs,
    ) -> None:
        super().__init__(optimizer=optimizer, modalities=modalities, **kwargs)
        if granularity not in COLLECTORS:
            raise ValueError(
                f'`granularity` must be one of {tuple(COLLECTORS)}, got '
                f'{granularity!r}'
            )
        if tasks is not None:
            check_tasks(tasks)
            tasks = order_tasks(tasks)
        self.tasks = tasks
        self.granularity = granularity
        self.weighting = build_weighting(weighting)
        # A class in a checkpoint would make it unreadable.
        type_ = weighting['type']
        self._weighting_type = getattr(type_, '__name__', type_)

    def initialize_count_status(
        self, model: nn.Module, init_counts: int, max_counts: int
    ) -> None:
        """Attach the wrapper to the model; called once before training.

        Args:
            model: Training model, in DDP or not.
            init_counts: Initial value of the inner count.
            max_counts: Maximum value of the inner count.

        Raises:
            ValueError: DDP with ``static_graph=True``, no tasks, and see
                :class:`ModalityOptimWrapper`.
        """
        if isinstance(model, DistributedDataParallel) and model.static_graph:
            raise ValueError(
                '`static_graph=True` of DistributedDataParallel does not '
                'allow several backward passes through one graph; remove it '
                'from `model_wrapper_cfg`'
            )
        super().initialize_count_status(model, init_counts, max_counts)

    def attach(self, module: nn.Module, modalities: dict[str, list]) -> list:
        """Find the tasks and make the collector; see the base class."""
        tasks = self.tasks
        if tasks is None:
            tasks = getattr(module, 'loss_tasks', None)
        if not tasks:
            raise ValueError(
                '`tasks` must name the loss terms of each task, such as '
                "dict(semantic=['loss_cls'], domain=['loss_domain']), for a "
                f'{type(module).__name__}, which has no attribute '
                '`loss_tasks` to ask'
            )
        self.task_globs = order_tasks(tasks)
        required = getattr(self.weighting, 'required_tasks', ())
        if missing := [task for task in required if task not in tasks]:
            raise ValueError(
                f'`tasks` must have the keys {missing}, which '
                f'{type(self.weighting).__name__} weighs, got {tasks}'
            )
        self._gradients = COLLECTORS[self.granularity](
            self.params, module, modalities
        )
        self._finite = True
        return self._gradients.hooks

    def should_sync(self) -> bool:
        """Never: :meth:`step` reduces by itself."""
        return False

    def backward(self, loss: Tensor) -> None:
        """One backward pass per task through the last forward's graph.

        Args:
            loss: Scalar sum of all losses. Not used: the tasks' losses are
                scaled in its stead.

        Raises:
            RuntimeError: No forward in ``mode='loss'`` came before.
            KeyError: A loss term in no task, or a task without a term.
            ValueError: A loss term of two tasks, or a task's loss that
                depends on no trained parameter.
        """
        losses = self.pop_losses()
        task_losses = group_losses(losses, self.task_globs)
        for task, task_loss in task_losses.items():
            if not task_loss.requires_grad:
                raise ValueError(
                    f'the loss of task {task!r}, {self.task_globs[task]}, '
                    'depends on no trained parameter; drop the task from '
                    '`tasks`'
                )
        self._gradients.backward(
            [self.scale_loss(task_loss) for task_loss in task_losses.values()],
            mean_terms(losses),
        )
        if self._gradients.per_micro_batch:
            self._weigh()
        self._inner_count += 1

    def prepare_gradients(self) -> bool:
        """Weigh the task gradients; see the base class."""
        if not self._gradients.per_micro_batch:
            self._weigh()
        finite = self._gradients.finish() and self._finite
        self._finite = True
        self.precision.unscale(self.optimizer)
        return finite

    def _weigh(self) -> None:
        """Have the collected gradients weighed, if they are finite."""
        gramians, statistics, finite = self._gradients.collect()
        weights = {m: [1.0] * len(self.task_globs) for m in gramians}
        if finite:
            # After the transfer of the Gramians no work is queued that
            # reading the scale would wait for.
            squared_scale = self.precision.scale() ** 2
            weights = self.task_weights(
                {m: g / squared_scale for m, g in gramians.items()}, statistics
            )
            finite = all(
                math.isfinite(w) for ws in weights.values() for w in ws
            )
        self._gradients.apply(weights)
        self._finite &= finite

    def task_weights(
        self, gramians: dict[str, Tensor], statistics: dict[str, float]
    ) -> dict[str, list[float]]:
        """Weights of all tasks by the weighting, whose scalars are logged.

        Args:
            gramians: Modality -> (T, T) finite float64 CPU tensor of inner
                products; tasks in the order of ``tasks``.
            statistics: Means over the whole batch of the entries of the loss
                dict.

        Returns:
            Modality -> T weights, 1 for a task that does not reach its
            encoder.
        """
        tasks = list(self.task_globs)
        present: dict[str, TaskGramian] = {
            m: present_tasks(tasks, matrix) for m, matrix in gramians.items()
        }
        with self.same_draws():
            found, log = self.weighting(present, statistics)
        for name, value in log.items():
            self.message_hub.update_scalar(f'train/{name}', value)
        weights = {}
        for modality, gramian in present.items():
            by_task = dict(zip(gramian.tasks, found[modality], strict=True))
            weights[modality] = [by_task.get(task, 1.0) for task in tasks]
        return weights

    def state_dict(self) -> dict:
        """State of the base class, and of a weighting that has one."""
        state = super().state_dict()
        if hasattr(self.weighting, 'state_dict'):
            state['weighting'] = dict(
                type=self._weighting_type, state=self.weighting.state_dict()
            )
        return state

    def load_state_dict(self, state_dict: dict) -> None:
        """Load what :meth:`state_dict` gives, or a stock wrapper's state.

        Args:
            state_dict: State of this wrapper or of a stock wrapper.

        Raises:
            ValueError: The state of another weighting.
        """
        state_dict = dict(state_dict)
        weighting = state_dict.pop('weighting', None)
        if weighting is not None:
            if weighting['type'] != self._weighting_type:
                raise ValueError(
                    f'the checkpoint has the state of the weighting '
                    f'{weighting["type"]!r}, and `weighting` is '
                    f'{self._weighting_type!r}: resume with the same one'
                )
            self.weighting.load_state_dict(weighting['state'])
        super().load_state_dict(state_dict)
