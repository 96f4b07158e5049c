# Copyright (c) mmgmp authors.
"""Collect the gradients of several tasks, and apply weights to them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from mmengine.dist import all_reduce
from torch import Tensor, nn

from mmgmp.utils.collectives import average_gradients

from .backward_passes import (
    Recomputation,
    add_to_grad,
    assign,
    backward_into,
    feature_gradients,
    refuse_update_hooks,
    separate,
)
from .encoder_features import EncoderFeatures
from .encoder_parameters import ModalityParameters
from .loss_terms import Terms
from .statistics import Statistics, StatisticsMean
from .task_gradients import Gradients, combine, gramian, to_host

# For each forward, statistic -> scalar.
Means = Sequence[dict[str, Tensor]]
# Modality -> Gramian, statistic -> mean, and whether the gradients are finite.
Collected = tuple[dict[str, Tensor], Statistics, bool]


class GradientCollector(ABC):
    """Base class that collects task gradients and applies weights.

    Args:
        params: The parameters, grouped by encoder.
        module: The model.
        modalities: Modality -> names of the modules of its encoder, whose
            outputs are its features.

    Attributes:
        per_micro_batch: Whether weights are computed after each
            :meth:`backward`, instead of once after all micro-batches.
        features: Outputs of the encoders.
        statistics: Batch means since the last update.
    """

    per_micro_batch: bool

    def __init__(
        self,
        params: ModalityParameters,
        module: nn.Module,
        modalities: Mapping[str, Sequence[str]],
    ) -> None:
        self.params = params
        self.features = EncoderFeatures(module, modalities)
        self.recomputation = Recomputation(module)
        self._gradients: list[Gradients] = []
        self.statistics = StatisticsMean()

    def shortcut(self, tasks: Sequence[Terms]) -> str | None:
        """Find a path from the tasks that bypasses an encoder's output."""
        terms = [tensor for task in tasks for tensor in task.tensors]
        return self.features.shortcut(terms, self.params)

    def reset(self) -> None:
        """Discard the gradients and statistics since the last update."""
        self._gradients = []
        self.statistics = StatisticsMean()

    def _start_passes(self, means: Means) -> None:
        for values in means:
            self.statistics.add(values)
        self.recomputation.start()
        refuse_update_hooks(self.params.encoders + self.params.others)

    @abstractmethod
    def backward(self, tasks: Sequence[Terms], means: Means) -> None:
        """Compute the task gradients of one micro-batch.

        Args:
            tasks: Terms of T tasks on one graph, which may be freed.
            means: For each forward, name -> scalar batch mean.
        """

    @abstractmethod
    def collect(self, means: Mapping[str, Tensor]) -> Collected:
        """Return the inputs of the weighting, equal on all ranks.

        Args:
            means: Means of ``statistics`` over the ranks.

        Returns:
            Modality -> (T, T) float64 CPU Gramian, statistic -> mean, and
            whether the Gramians and the underlying gradients are finite.
        """

    @abstractmethod
    def apply(self, weights: Mapping[str, Sequence[float]]) -> None:
        """Write the weighted task gradients into ``.grad``.

        Args:
            weights: Modality -> T weights.
        """

    @abstractmethod
    def finish(self) -> bool:
        """Average ``.grad`` over the ranks.

        Returns:
            Whether it is finite, unless :meth:`collect` has checked it.
        """


class ParameterGradients(GradientCollector):
    """Exact weights, from the gradients at the parameters of the encoders.

    Over the micro-batches of gradient accumulation, it keeps one gradient per
    task at the encoders' parameters, and the sum over tasks in ``.grad`` of
    all other parameters. It costs one backward pass per task, and a copy of
    the encoders' gradients for each additional task.

    If the losses depend on the encoders only through their outputs, the
    backward passes handle one encoder after the other. This frees the
    activations of an encoder before the gradients of the next one exist.
    """

    per_micro_batch = False

    def backward(self, tasks: Sequence[Terms], means: Means) -> None:
        """Run one backward pass per task, and add the gradients."""
        self._start_passes(means)
        if not self._gradients:
            self._gradients = [
                [None] * len(self.params.encoders) for _ in tasks
            ]
        if self.shortcut(tasks) is None:
            self._backward_by_encoder(tasks)
        else:
            self._backward_by_task(tasks)
        self.features.forget()

    def _backward_by_task(self, tasks: Sequence[Terms]) -> None:
        """Run one pass per task through the whole graph."""
        for index, terms in enumerate(tasks):
            with self.recomputation.once():
                backward_into(
                    self._gradients[index],
                    self.params.encoders,
                    terms.tensors,
                    terms.coefficients,
                    retain_graph=index + 1 < len(tasks),
                )

    def _backward_by_encoder(self, tasks: Sequence[Terms]) -> None:
        """Run one pass per task to the features, then through each encoder.

        The last pass through an encoder frees its activations.
        """
        features, spans = self.features.flatten()
        others = self.params.others
        at_features = []
        for terms in tasks:
            # Tasks may share the few nodes above the features.
            with self.recomputation.once():
                gradients = feature_gradients(terms, [*features, *others])
            at_features.append(gradients[: len(features)])
            add_to_grad(others, gradients[len(features) :])
        for modality, span in self.params.spans.items():
            params = self.params.encoders[span]
            outputs = features[spans[modality]]
            received = [grads[spans[modality]] for grads in at_features]
            present = [
                index
                for index, grads in enumerate(received)
                if any(g is not None for g in grads)
            ]
            for index in present:
                total = self._gradients[index][span]
                keep = index != present[-1]
                with self.recomputation.once():
                    backward_into(
                        total, params, outputs, received[index], keep
                    )
                self._gradients[index][span] = total

    def collect(self, means: Mapping[str, Tensor]) -> Collected:
        """Return Gramians and statistics of the whole batch of all ranks."""
        encoders, others = self.params.encoders, self.params.others
        found = [g for gradients in self._gradients for g in gradients]
        flat = average_gradients(
            separate(found + [param.grad for param in others]),
            encoders * len(self._gradients) + others,
        )
        size = len(encoders)
        self._gradients = [
            flat[size * task : size * (task + 1)]
            for task in range(len(self._gradients))
        ]
        assign(others, flat[len(flat) - len(others) :])
        gramians = {
            modality: gramian([g[span] for g in self._gradients])
            for modality, span in self.params.spans.items()
        }
        return to_host(gramians, means, [p.grad for p in others])

    def apply(self, weights: Mapping[str, Sequence[float]]) -> None:
        """Write the weighted gradients of the whole batch into ``.grad``."""
        for modality, span in self.params.spans.items():
            combined = combine(
                [g[span] for g in self._gradients], weights[modality]
            )
            assign(self.params.encoders[span], combined)
        self._gradients = []

    def finish(self) -> bool:
        """Do nothing, because :meth:`collect` has averaged and checked all."""
        return True


class FeatureGradients(GradientCollector):
    """Approximate weights, from the gradients at the encoders' outputs.

    It replaces the task gradients at the parameters with those at the outputs,
    as in `MGDA-UB <https://arxiv.org/abs/1810.04650>`_. The weighted sum then
    takes one backward pass through the encoders, so a step costs about as much
    time and memory as plain training. The losses must depend on the encoders
    only through these outputs.

    The update is still ``sum_t w_t g_t`` of the true task gradients. Only the
    weights differ from :class:`ParameterGradients`, and a rule that ignores
    the Gramian has the same weights. They are computed for each micro-batch
    over all ranks, because its graph is freed before the next one.
    """

    per_micro_batch = True

    def backward(self, tasks: Sequence[Terms], means: Means) -> None:
        """Run one backward pass per task to the features.

        Raises:
            RuntimeError: The losses depend on the encoders through a path that
                bypasses their outputs.
        """
        shortcut = self.shortcut(tasks)
        if shortcut:
            raise RuntimeError(
                f"{shortcut}: `granularity`='feature' needs the modules in "
                '`modalities` to be called independently of each other, and '
                "the losses to depend only on their outputs; use 'parameter'"
            )
        self._start_passes(means)
        features, _ = self.features.flatten()
        others = self.params.others
        for terms in tasks:
            with self.recomputation.once():
                grads = feature_gradients(terms, [*features, *others])
            # Autograd may still need the memory of its results.
            self._gradients.append(
                [g if g is None else g.clone() for g in grads[: len(features)]]
            )
            add_to_grad(others, grads[len(features) :])

    def collect(self, means: Mapping[str, Tensor]) -> Collected:
        """Return Gramians at the features of one micro-batch of all ranks."""
        gramians = {
            modality: gramian([g[span] for g in self._gradients])
            for modality, span in self.features.flatten()[1].items()
        }
        # Samples of other ranks are additional entries of the gradient.
        for matrix in gramians.values():
            all_reduce(matrix)
        return to_host(gramians, means, [])

    def apply(self, weights: Mapping[str, Sequence[float]]) -> None:
        """Run one weighted backward pass through the encoders."""
        features, spans = self.features.flatten()
        combined = [
            gradient
            for modality, span in spans.items()
            for gradient in combine(
                [g[span] for g in self._gradients], weights[modality]
            )
        ]
        self._gradients = []
        encoders = self.params.encoders
        total = [param.grad for param in encoders]
        with self.recomputation.once():
            backward_into(total, encoders, features, combined, False)
        assign(encoders, total)
        self.features.forget()

    def finish(self) -> bool:
        """Average ``.grad`` over the ranks, and check it."""
        params = self.params.encoders + self.params.others
        grads = average_gradients(separate([p.grad for p in params]), params)
        assign(params, grads)
        return to_host({}, {}, grads)[2]
