# Copyright (c) mmgmp authors.
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from .encoder_features import EncoderFeatures
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
        module: The model.
        modalities: Modality -> names of the modules of its encoder. Where
            the losses depend on the encoders by these modules' outputs alone,
            one encoder after the other is passed through, which frees its
            activations before the gradients of the next one are made.
    """

    def __init__(
        self,
        params: ModalityParameters,
        num_tasks: int,
        weigh: Weigh,
        module: nn.Module,
        modalities: dict[str, Sequence[str]],
    ) -> None:
        self.params = params
        self.num_tasks = num_tasks
        self.weigh = weigh
        self._features = EncoderFeatures(module, modalities)
        self._reset()

    @property
    def hooks(self) -> list[RemovableHandle]:
        """Hooks on the model."""
        return self._features.hooks

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
        if self._features.shortcut(losses, self.params) is None:
            self._backward_by_encoder(losses)
        else:
            self._backward_by_task(losses)
        self._features.forget()

    def _backward_by_task(self, losses: Sequence[Tensor]) -> None:
        """One pass per task through the whole graph."""
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

    def _backward_by_encoder(self, losses: Sequence[Tensor]) -> None:
        """One pass per task down to the features, then through each encoder.

        The last pass through an encoder frees its activations, so that at no
        time all activations and all gradients are held.
        """
        features, spans = self._features.flatten()
        others = self.params.others
        at_features = []
        for loss in losses:
            # Losses may share nodes above the features; these are few.
            gradients = torch.autograd.grad(
                loss, features + others, retain_graph=True, allow_unused=True
            )
            at_features.append(gradients[: len(features)])
            add_to_grad(others, gradients[len(features) :])
        for modality, span in self.params.spans.items():
            outputs = features[spans[modality]]
            received = [grads[spans[modality]] for grads in at_features]
            present = [
                index
                for index, grads in enumerate(received)
                if any(g is not None for g in grads)
            ]
            for index in present:
                used = [
                    (output, gradient)
                    for output, gradient in zip(outputs, received[index])
                    if gradient is not None
                ]
                gradients = torch.autograd.grad(
                    [output for output, _ in used],
                    self.params.encoders[span],
                    grad_outputs=[gradient for _, gradient in used],
                    retain_graph=index != present[-1],
                    allow_unused=True,
                )
                accumulate(self._gradients[index], gradients, span.start)

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
