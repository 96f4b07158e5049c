# Copyright (c) mmgmp authors.
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .modality_parameters import ModalityParameters, add_to_grad, assign
from .rank_mean import gradients_over_ranks, statistics_over_ranks
from .task_gradients import (
    Gradients,
    accumulate,
    combine,
    gramian,
    to_host,
)

Weigh = Callable[
    [dict[str, Tensor], dict[str, float]], dict[str, Sequence[float]]
]


class ParameterGradients:
    """Task gradients of one optimizer step, weighed at the parameters.

    Holds, over the micro-batches of gradient accumulation, the gradients of T
    tasks at the encoders' parameters one by one, and their sum at all other
    parameters in ``.grad``. The weights are exactly those of the whole batch,
    at the cost of one backward pass per task and of one more copy of the
    encoders' gradients per further task.

    Args:
        params: The trained parameters of the model.
        num_tasks: Number of tasks T.
        weigh: Maps Gramians and statistics to the weights of the tasks, see
            :meth:`TaskGradientOptimWrapper.task_weights`.
    """

    # Nothing of the model but its parameters is looked at.
    hooks = ()

    def __init__(
        self, params: ModalityParameters, num_tasks: int, weigh: Weigh
    ) -> None:
        self.params = params
        self.num_tasks = num_tasks
        self.weigh = weigh
        self._reset()

    def _reset(self) -> None:
        self._gradients: list[Gradients] = [
            [None] * len(self.params.encoders) for _ in range(self.num_tasks)
        ]
        self._statistics: dict[str, Tensor] = {}
        self._micro_batches = 0

    def backward(
        self, losses: Sequence[Tensor], statistics: dict[str, Tensor]
    ) -> None:
        """Run one backward pass per task and add the gradients.

        Args:
            losses: T scalar losses of one micro-batch, on one graph, which
                is freed.
            statistics: Name -> scalar batch mean; the same names each time.
        """
        self._micro_batches += 1
        for name, value in statistics.items():
            self._statistics[name] = self._statistics.get(name, 0) + value
        encoders, others = self.params.encoders, self.params.others
        for index, loss in enumerate(losses):
            gradients = torch.autograd.grad(
                loss,
                encoders + others,
                retain_graph=index + 1 < self.num_tasks,
                allow_unused=True,
            )
            accumulate(self._gradients[index], gradients[: len(encoders)])
            add_to_grad(others, gradients[len(encoders) :])

    def finish(self) -> bool:
        """Weigh the gradients of the whole batch into ``.grad`` and reset.

        Returns:
            Whether all gradients and statistics are finite. If not, ``.grad``
            holds the plain sums over the tasks.
        """
        self._average()
        gramians = {
            modality: gramian(
                [gradients[span] for gradients in self._gradients]
            )
            for modality, span in self.params.spans.items()
        }
        matrices, means, finite = to_host(
            gramians,
            {n: v / self._micro_batches for n, v in self._statistics.items()},
            [p.grad for p in self.params.others],
        )
        weights = {m: [1.0] * self.num_tasks for m in matrices}
        if finite:
            weights = self.weigh(matrices, means)
        for modality, span in self.params.spans.items():
            combined = combine(
                [gradients[span] for gradients in self._gradients],
                weights[modality],
            )
            assign(self.params.encoders[span], combined)
        self._reset()
        return finite

    def _average(self) -> None:
        """Replace gradients and statistics by their means over the ranks."""
        statistics_over_ranks(self._statistics)
        encoders, others = self.params.encoders, self.params.others
        flat = [g for task in self._gradients for g in task]
        flat = gradients_over_ranks(
            [*flat, *(param.grad for param in others)],
            encoders * self.num_tasks + others,
        )
        size = len(encoders)
        self._gradients = [
            flat[task * size : (task + 1) * size]
            for task in range(self.num_tasks)
        ]
        assign(others, flat[self.num_tasks * size :])
