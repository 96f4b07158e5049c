# Copyright (c) mmgmp authors.
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .gradient_collector import GradientCollector
from .modality_parameters import ModalityParameters, add_to_grad, assign
from .rank_mean import StatisticsMean, gradients_over_ranks
from .task_gradients import (
    Gradients,
    accumulate,
    combine,
    gramian,
    to_host,
)


class ParameterGradients(GradientCollector):
    """Task gradients of one optimizer step, weighed at the parameters.

    Holds, over the micro-batches of gradient accumulation, the gradients of T
    tasks at the encoders' parameters one by one, and their sum at all other
    parameters in ``.grad``. The weights are exactly those of the whole batch,
    at the cost of one backward pass per task and of one more copy of the
    encoders' gradients per further task.

    Args:
        params: The trained parameters of the model.
        module: The model.
        modalities: Modality -> names of the modules of its encoder. Where
            the losses depend on the encoders by these modules' outputs alone,
            one encoder after the other is passed through, which frees its
            activations before the gradients of the next one are made.
    """

    per_micro_batch = False

    def __init__(
        self,
        params: ModalityParameters,
        module: nn.Module,
        modalities: dict[str, Sequence[str]],
    ) -> None:
        super().__init__(params, module, modalities)
        self._gradients: list[Gradients] = []
        self._statistics = StatisticsMean()

    def backward(
        self, losses: Sequence[Tensor], statistics: dict[str, Tensor]
    ) -> None:
        """Run one backward pass per task and add the gradients.

        Args:
            losses: T scalar losses of one micro-batch, on one graph, which
                is freed.
            statistics: Name -> scalar batch mean; the same names each time.
        """
        self._statistics.add(statistics)
        if not self._gradients:
            self._gradients = [
                [None] * len(self.params.encoders) for _ in losses
            ]
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
                retain_graph=index + 1 < len(losses),
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

    def collect(
        self,
    ) -> tuple[dict[str, Tensor], dict[str, float], bool]:
        """Gramians and statistics of the whole batch over all ranks."""
        self._average()
        gramians = {
            modality: gramian(
                [gradients[span] for gradients in self._gradients]
            )
            for modality, span in self.params.spans.items()
        }
        return to_host(
            gramians,
            self._statistics.pop(),
            [p.grad for p in self.params.others],
        )

    def apply(self, weights: dict[str, Sequence[float]]) -> None:
        """Weigh the gradients of the whole batch into ``.grad``.

        Args:
            weights: Modality -> T weights.
        """
        for modality, span in self.params.spans.items():
            combined = combine(
                [gradients[span] for gradients in self._gradients],
                weights[modality],
            )
            assign(self.params.encoders[span], combined)
        self._gradients = []

    def finish(self) -> bool:
        """Nothing is left: :meth:`collect` averages and checks everything."""
        return True

    def _average(self) -> None:
        """Replace the gradients by their means over the ranks."""
        num_tasks = len(self._gradients)
        encoders, others = self.params.encoders, self.params.others
        flat = [g for task in self._gradients for g in task]
        flat = gradients_over_ranks(
            [*flat, *(param.grad for param in others)],
            encoders * num_tasks + others,
        )
        size = len(encoders)
        self._gradients = [
            flat[task * size : (task + 1) * size] for task in range(num_tasks)
        ]
        assign(others, flat[num_tasks * size :])
