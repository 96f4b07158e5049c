# Copyright (c) mmgmp authors.
from collections.abc import Sequence

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from .encoder_features import EncoderFeatures
from .modality_parameters import ModalityParameters, add_to_grad, assign
from .parameter_gradients import Weigh
from .rank_mean import gradients_over_ranks, statistics_over_ranks
from .task_gradients import combine, gramian, to_host


class FeatureGradients:
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
        num_tasks: Number of tasks T.
        weigh: Maps Gramians and statistics to the weights of the tasks, see
            :meth:`TaskGradientOptimWrapper.task_weights`.
        module: The model.
        modalities: Modality -> names of the modules whose outputs are its
            features. The losses must depend on the encoders' parameters
            through these outputs alone.
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
        self._finite = True

    @property
    def hooks(self) -> list[RemovableHandle]:
        """Hooks on the model."""
        return self._features.hooks

    def backward(
        self, losses: Sequence[Tensor], statistics: dict[str, Tensor]
    ) -> None:
        """Weigh the tasks at the features and add the encoders' gradients.

        Args:
            losses: T scalar losses of one micro-batch, on one graph, which
                is freed.
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
        features, spans = self._features.flatten()
        others = self.params.others
        gradients = []
        for loss in losses:
            grads = torch.autograd.grad(
                loss, features + others, retain_graph=True, allow_unused=True
            )
            gradients.append(list(grads[: len(features)]))
            add_to_grad(others, grads[len(features) :])
        gramians = {
            modality: gramian([g[span] for g in gradients])
            for modality, span in spans.items()
        }
        # Samples of other ranks are further entries of the gradient.
        for matrix in gramians.values():
            all_reduce(matrix)
        statistics = dict(statistics)
        statistics_over_ranks(statistics)
        matrices, means, finite = to_host(gramians, statistics, [])
        self._finite &= finite
        weights = {m: [1.0] * self.num_tasks for m in matrices}
        if finite:
            weights = self.weigh(matrices, means)
        combined = [
            gradient
            for modality, span in spans.items()
            for gradient in combine(
                [g[span] for g in gradients], weights[modality]
            )
        ]
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
        """Average ``.grad`` over the ranks and reset.

        Returns:
            Whether all gradients and statistics are finite.
        """
        params = self.params.encoders + self.params.others
        grads = gradients_over_ranks([p.grad for p in params], params)
        assign(params, grads)
        _, _, finite = to_host({}, {}, grads)
        finite, self._finite = finite and self._finite, True
        return finite
