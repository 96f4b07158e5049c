# Copyright (c) mmgmp authors.
import math
from collections.abc import Sequence
from typing import ClassVar

import torch
import torch._functorch.config
from mmaction.registry import OPTIM_WRAPPERS
from mmengine.dist import get_world_size
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.hooks import RemovableHandle

from .gradients.collectors import (
    FeatureGradients,
    GradientCollector,
    ParameterGradients,
)
from .gradients.encoder_parameters import Prefixes
from .gradients.loss_terms import group_terms, mean_terms
from .gradients.tasks import check_tasks, find_tasks, order_tasks
from .modality_optim_wrapper import ModalityOptimWrapper
from .weightings.weighting import (
    StatefulWeighting,
    TaskGramian,
    Weighting,
    build_weighting,
    present_tasks,
)

COLLECTORS: dict[str, type[GradientCollector]] = dict(
    parameter=ParameterGradients, feature=FeatureGradients
)


@OPTIM_WRAPPERS.register_module()
class TaskGradientOptimWrapper(ModalityOptimWrapper):
    """Weight the gradients of several tasks at the encoder of each modality.

    One update consists of these steps:

    1. forward without gradient synchronization, then one backward pass per
       task through the same graph;
    2. sum over the micro-batches of gradient accumulation;
    3. mean over the ranks;
    4. for each modality, weights from the (T, T) Gramian of the task gradients
       at its encoder, and ``.grad = sum_t w_t g_t``; all other parameters get
       the plain sum over the tasks;
    5. clip and step as in the stock wrapper.

    The weights are those of the whole batch: one batch of 8, two
    micro-batches of 4 and two ranks of 4 give the same update.

    A task that does not reach an encoder does not affect its weights.

    Args:
        optimizer: The optimizer.
        weighting: Config of the rule, a type of
            :data:`mmgmp.registry.WEIGHTINGS`: ``'Sum'``, ``'GMP'``,
            ``'PCGrad'``, ``'MGDA'``, ``'UPGrad'``, ``'DualProj'`` or
            ``'torchjd.<Name>'``.
        tasks: Task name -> globs of its loss terms. None uses the attribute
            ``loss_tasks`` of the model.
        modalities: See :class:`ModalityOptimWrapper`.
        granularity: ``'parameter'`` computes exact weights from the gradients
            at the encoders' parameters; ``'feature'`` approximates them with
            the gradients at the encoders' outputs, as fast as plain training.
            See ``ParameterGradients`` and ``FeatureGradients`` in
            ``mmgmp/optim/gradients/collectors.py``.
        **kwargs: Arguments of :class:`ModalityOptimWrapper`.

    Raises:
        TypeError: A task has a string instead of a list of globs.
        ValueError: ``tasks`` is empty, has a task without globs, or repeats a
            glob; or ``granularity`` is unknown.

    Example::

        optim_wrapper = dict(
            type='TaskGradientOptimWrapper',
            weighting=dict(type='MGDA'),
            tasks=dict(fused=['loss_cls'], single=['loss_cls.*']),
            optimizer=dict(type='Adam', lr=1e-4))
    """

    # Tasks of a model that does not name any.
    default_tasks: ClassVar[dict[str, list[str]] | None] = None

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        weighting: dict,
        tasks: dict[str, Sequence[str]] | None = None,
        modalities: dict[str, Prefixes] | None = None,
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
        self.tasks = None if tasks is None else order_tasks(tasks)
        self.granularity = granularity
        self.weighting: Weighting = build_weighting(weighting)
        self._failure: Exception | None = None
        # Store the name: a checkpoint that contains a class cannot be read.
        type_ = weighting['type']
        self._weighting_type = getattr(type_, '__name__', type_)

    def initialize_count_status(
        self, model: nn.Module, init_counts: int, max_counts: int
    ) -> None:
        """Attach the wrapper to the model; called once before training.

        Args:
            model: Training model, with or without DDP.
            init_counts: Initial value of the inner count.
            max_counts: Maximum value of the inner count.

        Raises:
            ValueError: DDP has ``static_graph=True``, or there are no tasks;
                see also :class:`ModalityOptimWrapper`.
        """
        if isinstance(model, DistributedDataParallel) and model.static_graph:
            raise ValueError(
                '`static_graph=True` of DistributedDataParallel does not '
                'allow several backward passes through one graph; remove it '
                'from `model_wrapper_cfg`'
            )
        super().initialize_count_status(model, init_counts, max_counts)

    def attach(
        self, module: nn.Module, modalities: dict[str, list[str]]
    ) -> list[RemovableHandle]:
        """Find the tasks and create the collector; see the base class."""
        tasks = find_tasks(self.tasks, module, self.default_tasks)
        self.task_globs = order_tasks(tasks)
        required = getattr(self.weighting, 'required_tasks', ())
        if missing := [task for task in required if task not in tasks]:
            raise ValueError(
                f'`tasks` must have the keys {missing}, which '
                f'{type(self.weighting).__name__} needs, got {tasks}'
            )
        # A compiled backward pass may otherwise run only once.
        torch._functorch.config.donated_buffer = False
        self._gradients = COLLECTORS[self.granularity](
            self.params, module, modalities
        )
        self._failure = None
        return [
            module.register_forward_pre_hook(self._start_forward),
            *self._gradients.features.hooks,
        ]

    def facts(self) -> dict[str, Sequence[str]]:
        """Add the tasks; see the base class."""
        tasks = [f'{task}={globs}' for task, globs in self.task_globs.items()]
        return {**super().facts(), 'tasks': tasks}

    @torch.compiler.disable
    def _start_forward(self, *args) -> None:
        # A forward without a loss leaves its features behind.
        if not self.losses:
            self._gradients.features.forget()

    def reset(self) -> None:
        """Discard the task gradients; see the base class."""
        self._gradients.reset()
        self._finite = True

    def should_sync(self) -> bool:
        """Return False, because :meth:`step` reduces the gradients."""
        return False

    def backward(self, loss: Tensor) -> None:
        """Run one backward pass per task through the graph of the forward.

        Args:
            loss: Scalar total loss, a function of the loss terms of one or
                several forward passes. See
                :func:`~mmgmp.optim.gradients.loss_terms.group_terms`.

        Raises:
            RuntimeError: There was no forward in ``mode='loss'``.
            KeyError: A loss term has no task, or a task has no loss term.
            ValueError: A loss term has two tasks, no term affects the loss,
                or a parameter affects it that is in no term.
        """
        losses = self.pop_losses()
        try:
            tasks, loss_dicts = group_terms(
                self.precision.scaler.scale(loss), losses, self.task_globs
            )
            self._gradients.backward(
                list(tasks.values()), [mean_terms(x) for x in loss_dicts]
            )
        except (KeyError, RuntimeError, ValueError) as error:
            if get_world_size() == 1:
                raise
            # In the next reduction, all ranks raise it instead of waiting.
            self._failure = self._failure or error
        if self._gradients.per_micro_batch:
            self._weigh()
        self._inner_count += 1

    def prepare_gradients(self) -> bool:
        """Weight the task gradients; see the base class."""
        if not self._gradients.per_micro_batch:
            self._weigh()
        finite = self._gradients.finish() and self._finite
        self._finite = True
        self.precision.unscale(self.optimizer)
        return finite

    def _weigh(self) -> None:
        """Apply weights to the collected gradients if they are finite."""
        # First, because it finds ranks whose gradients do not match.
        means = self._gradients.statistics.pop(self.facts(), self._failure)
        gramians, statistics, finite = self._gradients.collect(means)
        weights = {m: [1.0] * len(self.task_globs) for m in gramians}
        if finite:
            # The transfer of the Gramians has synchronized the device, so
            # reading the scale does not wait.
            squared_scale = self.precision.scale() ** 2
            weights = self.task_weights(
                {m: g / squared_scale for m, g in gramians.items()}, statistics
            )
            finite = not statistics.read_not_finite and all(
                math.isfinite(w) for ws in weights.values() for w in ws
            )
        self.not_finite = statistics.not_finite
        self._gradients.apply(weights)
        self._finite &= finite

    def task_weights(
        self, gramians: dict[str, Tensor], statistics: dict[str, float]
    ) -> dict[str, list[float]]:
        """Compute the weights of all tasks, and log the weighting's scalars.

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
        """Return the state of the base class and of the weighting."""
        state = super().state_dict()
        if isinstance(self.weighting, StatefulWeighting):
            state['weighting'] = dict(
                type=self._weighting_type, state=self.weighting.state_dict()
            )
        return state

    def load_state_dict(self, state_dict: dict) -> None:
        """Load a state.

        Args:
            state_dict: State of this wrapper or of a stock wrapper.

        Raises:
            ValueError: The state belongs to another weighting.
        """
        state_dict = dict(state_dict)
        weighting = state_dict.pop('weighting', None)
        if weighting is not None:
            if weighting['type'] != self._weighting_type or not isinstance(
                self.weighting, StatefulWeighting
            ):
                raise ValueError(
                    f'the checkpoint has the state of the weighting '
                    f'{weighting["type"]!r}, but `weighting` is '
                    f'{self._weighting_type!r}: resume with the same one'
                )
            self.weighting.load_state_dict(weighting['state'])
        super().load_state_dict(state_dict)
