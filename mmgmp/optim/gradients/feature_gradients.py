# Copyright (c) mmgmp authors.
from collections.abc import Sequence

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from .gradient_collector import GradientCollector
from .modality_parameters import ModalityParameters, add_to_grad, assign
from .rank_mean import StatisticsMean, gradients_over_ranks
from .task_gradients import Gradients, accumulate, combine, gramian, to_host


class FeatureGradients(GradientCollector):
    """Task gradients of one optimizer step, weighed at the features.

    The tasks' gradients at the encoders' outputs stand in for those at their
    parameters when the weights are made, an approximation in the manner of
    `MGDA-UB <https://arxiv.org/abs/1810.04650>`_. The weighted sum then takes
    one backward pass through the encoders, so that a step costs about what
    plain training costs, in time and in memory.

    The update is still ``sum_t w_t g_t`` of the true task gradients; only the
    weights differ from :class:`ParameterGradients`, and a rule that does not
    look at the Gramian has the same weights. They are those of each
    micro-batch over all ranks, since its graph is freed before the next one.

    Args:
        params: The trained parameters of the model.
        module: The model.
        modalities: Modality -> names of the modules whose outputs are its
            features. The losses must depend on the encoders' parameters
            through these outputs alone.
    """

    per_micro_batch = True

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
        """Run one backward pass per task down to the features.

        Args:
            losses: T scalar losses of one micro-batch, on one graph, which
                :meth:`apply` frees.
            statistics: Name -> scalar batch mean; the same names each time.

        Raises:
            RuntimeError: The losses depend on the encoders by another way
                than their outputs.
        """
        shortcut = self._features.shortcut(losses, self.params)
        if shortcut:
            raise RuntimeError(
                f"{shortcut}: `granularity`='feature' needs the modules named "
                'in `modalities` to be called, one independent of the other, '
                'and all that the losses see of them to be their outputs; use '
                "'parameter'"
            )
        self._statistics.add(statistics)
        features, _ = self._features.flatten()
        others = self.params.others
        for loss in losses:
            grads = torch.autograd.grad(
                loss, features + others, retain_graph=True, allow_unused=True
            )
            at_features: Gradients = [None] * len(features)
            accumulate(at_features, grads[: len(features)])
            self._gradients.append(at_features)
            add_to_grad(others, grads[len(features) :])

    def collect(
        self,
    ) -> tuple[dict[str, Tensor], dict[str, float], bool]:
        """Gramians at the features of one micro-batch over all ranks."""
        _, spans = self._features.flatten()
        gramians = {
            modality: gramian([g[span] for g in self._gradients])
            for modality, span in spans.items()
        }
        # Samples of other ranks are further entries of the gradient.
        for matrix in gramians.values():
            all_reduce(matrix)
        return to_host(gramians, self._statistics.pop(), [])

    def apply(self, weights: dict[str, Sequence[float]]) -> None:
        """Run one backward pass through the encoders, into ``.grad``.

        Args:
            weights: Modality -> T weights.
        """
        features, spans = self._features.flatten()
        combined = [
            gradient
            for modality, span in spans.items()
            for gradient in combine(
                [g[span] for g in self._gradients], weights[modality]
            )
        ]
        self._gradients = []
        used = [i for i, g in enumerate(combined) if g is not None]
        grads = torch.autograd.grad(
            [features[i] for i in used],
            self.params.encoders,
            grad_outputs=[combined[i] for i in used],
            allow_unused=True,
        )
        add_to_grad(self.params.encoders, grads)
        self._features.forget()

    def finish(self) -> bool:
        """Average ``.grad`` over the ranks.

        Returns:
            Whether it is finite.
        """
        params = self.params.encoders + self.params.others
        grads = gradients_over_ranks([p.grad for p in params], params)
        assign(params, grads)
        _, _, finite = to_host({}, {}, grads)
        return finite
