# Copyright (c) mmgmp authors.
from collections.abc import Sequence

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

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
        self._features: dict[str, list[Tensor]] = {m: [] for m in modalities}
        self._finite = True
        # A forward that no backward pass followed leaves features behind.
        self.hooks = [
            module.register_forward_pre_hook(lambda *_: self._forget())
        ]
        for modality, names in modalities.items():
            self.hooks += [
                module.get_submodule(name).register_forward_hook(
                    lambda _, __, output, found=self._features[modality]: (
                        found.extend(_differentiable(output))
                    )
                )
                for name in names
            ]

    def _forget(self) -> None:
        for features in self._features.values():
            features.clear()

    def backward(
        self, losses: Sequence[Tensor], statistics: dict[str, Tensor]
    ) -> None:
        """Weigh the tasks at the features and add the encoders' gradients.

        Args:
            losses: T scalar losses of one micro-batch, on one graph, which
                is freed.
            statistics: Name -> scalar batch mean; the same names each time.

        Raises:
            RuntimeError: The forward did not call a modality's encoder.
        """
        features, spans = [], {}
        for modality, outputs in self._features.items():
            if not outputs:
                raise RuntimeError(
                    f'the forward did not call the encoder of {modality!r}: '
                    "`granularity`='feature' needs the modules named in "
                    "`modalities` themselves to be called; use 'parameter'"
                )
            spans[modality] = slice(
                len(features), len(features) + len(outputs)
            )
            features.extend(outputs)
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
        self._forget()

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


def _differentiable(output: object) -> list[Tensor]:
    """Tensors of a module's output that gradients flow through."""
    if isinstance(output, Tensor):
        return [output] if output.requires_grad else []
    if isinstance(output, dict):
        output = output.values()
    return [x for part in output for x in _differentiable(part)]
