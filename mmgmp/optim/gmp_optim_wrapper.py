# Copyright (c) mmgmp authors.
import logging
from collections.abc import Sequence

import torch
from mmaction.registry import OPTIM_WRAPPERS
from mmengine.logging import print_log
from torch import Tensor, nn

from .gradients import Prefixes
from .task_gradient_optim_wrapper import TaskGradientOptimWrapper
from .weightings.confidences import BALANCED_TASKS


@OPTIM_WRAPPERS.register_module()
class GMPOptimWrapper(TaskGradientOptimWrapper):
    """Gradient modulation and projection (GMP) of classification and domain.

    Implements `Balancing Multimodal Domain Generalization via Gradient
    Modulation and Projection <https://arxiv.org/abs/2603.14175>`_, eq. 1-15;
    the formulas are those of :class:`~mmgmp.optim.GMPWeighting`, the order of
    operations that of :class:`~mmgmp.optim.TaskGradientOptimWrapper`.

    The model's loss dict holds the tasks' losses, whose gradients have the
    sign that the encoders descend (the domain loss behind a gradient
    reversal), and per modality ``m`` the batch means
    ``semantic_confidence.<m>`` and ``domain_confidence.<m>``, or what
    ``confidences`` names in their stead. If a task's confidences are absent,
    its discrepancy ratios are 1 (no modulation by that task), which is warned
    of once.

    Per modality, ``gmp/{rho,sigma,k,p,conflict,cosine,norm_ratio}.<m>`` are
    logged at each update.

    Args:
        optimizer: The optimizer.
        modalities: Modality -> prefix(es) of its encoder's modules in the
            model, e.g. ``dict(video='backbone.video')``. None asks the model.
        tasks: Globs of the loss terms of the task ``semantic`` and, unless
            there is a single source domain, of the task ``domain``. Tasks of
            any other name keep their gradients as they are: neither modulated
            nor projected, nor projected on. None asks the model.
        alpha_k: Strength of the semantic modulation; 0 switches it off.
        alpha_p: Strength of the domain modulation; 0 switches it off.
        modulation: ``'decoupled'``, ``'unified'`` or ``'none'``.
        projection: ``'cagp'``, ``'reverse'``, ``'fixed_cls'``,
            ``'fixed_domain'``, ``'pcgrad'`` or ``'none'``.
        granularity: ``'parameter'`` (exact) or ``'feature'`` (as fast as
            plain training, an approximation).
        confidences: Task -> modality -> key of the loss dict, for a model
            that has no ``<task>_confidence.<m>``. A key with ``loss`` in it,
            a uni-modal cross-entropy, stands for ``exp(-loss)``, the
            geometric mean of the probabilities instead of their mean.
        **kwargs: Arguments of :class:`ModalityOptimWrapper`.

    Raises:
        ValueError: An argument out of its range.

    Example:
        >>> optim_wrapper = dict(
        ...     type='GMPOptimWrapper',
        ...     modalities=dict(
        ...         video='backbone.video', audio='backbone.audio'),
        ...     optimizer=dict(type='Adam', lr=1e-4))
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        modalities: dict[str, Prefixes] | None = None,
        tasks: dict[str, Sequence[str]] | None = None,
        alpha_k: float = 0.5,
        alpha_p: float = 0.5,
        modulation: str = 'decoupled',
        projection: str = 'cagp',
        granularity: str = 'parameter',
        confidences: dict[str, dict[str, str]] | None = None,
        **kwargs,
    ) -> None:
        super().__init__(
            optimizer=optimizer,
            weighting=dict(
                type='GMP',
                alpha_k=alpha_k,
                alpha_p=alpha_p,
                modulation=modulation,
                projection=projection,
                confidences=confidences,
            ),
            tasks=tasks,
            modalities=modalities,
            granularity=granularity,
            **kwargs,
        )
        self._warned = set()

    def attach(self, module: nn.Module, modalities: dict[str, list]) -> list:
        """Check the confidences too; see the base class.

        Raises:
            ValueError: ``confidences`` of a task that there is not, or not of
                each modality.
        """
        hooks = super().attach(module, modalities)
        for task, keys in self.weighting.confidences.keys.items():
            if task not in self.task_globs or keys.keys() != modalities.keys():
                raise ValueError(
                    f'`confidences` must name a key for each of '
                    f'{sorted(modalities)} and for tasks of '
                    f'{list(self.task_globs)} alone, got {task}={keys}'
                )
        return hooks

    def task_weights(
        self, gramians: dict[str, Tensor], statistics: dict[str, float]
    ) -> dict[str, list[float]]:
        """Weights of eq. 8-15; see the base class."""
        weights = super().task_weights(gramians, statistics)
        for task in BALANCED_TASKS:
            if task in self.task_globs and task not in self._warned:
                self._warn_of_absent(task, gramians, statistics)
        return weights

    def _warn_of_absent(
        self,
        task: str,
        gramians: dict[str, Tensor],
        statistics: dict[str, float],
    ) -> None:
        """Say once that a task is not modulated, if so."""
        absent = self.weighting.confidences.absent(task, gramians, statistics)
        if not absent:
            return
        self._warned.add(task)
        print_log(
            f'The loss dict has none of {absent}: the {task} discrepancy '
            f'ratios are 1 and the {task} gradients are not modulated. '
            'Return the batch means of the uni-modal probabilities of '
            'the true label under these keys, or name other entries in '
            '`confidences`, to modulate.',
            logger='current',
            level=logging.WARNING,
        )
