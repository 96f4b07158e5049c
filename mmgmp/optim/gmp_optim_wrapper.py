# Copyright (c) mmgmp authors.
import logging
from collections.abc import Sequence
from typing import ClassVar

import torch
from mmaction.registry import OPTIM_WRAPPERS
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from .gradients.encoder_parameters import Prefixes
from .task_gradient_optim_wrapper import TaskGradientOptimWrapper
from .weightings.confidences import BALANCED_TASKS
from .weightings.gmp import GMPWeighting


@OPTIM_WRAPPERS.register_module()
class GMPOptimWrapper(TaskGradientOptimWrapper):
    """Gradient modulation and projection (GMP) of semantic and domain losses.

    Implements `Balancing Multimodal Domain Generalization via Gradient
    Modulation and Projection <https://arxiv.org/abs/2603.14175>`_, eq. 1-15.
    See :class:`~mmgmp.optim.GMPWeighting` for the formulas and
    :class:`~mmgmp.optim.TaskGradientOptimWrapper` for the order of operations.

    The loss dict of the model must contain the losses of the tasks, which the
    encoders minimize (the domain loss behind a gradient reversal layer). For
    each modality ``m`` it should contain the batch means
    ``semantic_confidence.<m>`` and ``domain_confidence.<m>``, or the keys in
    ``confidences``. If the confidences of a task are absent, its discrepancy
    ratios are 1 (no modulation by that task), and the wrapper warns once. A
    modality whose encoder is frozen, or that has confidences but is not in
    ``modalities``, is compared with the others, and its gradients are not
    weighted.

    For each modality whose gradients are weighted,
    ``gmp/{rho,sigma,k,p,conflict,cosine,norm_ratio}.<m>`` is logged at each
    update.

    Args:
        optimizer: The optimizer.
        modalities: Modality -> prefix(es) of the modules of its encoder in
            the model, e.g. ``dict(video='backbone.video')``. None uses the
            attribute ``modality_modules`` of the model.
        tasks: Globs of the loss terms of the task ``semantic`` and, unless
            there is a single source domain, of the task ``domain``. The
            gradients of other tasks are neither modulated nor projected, and
            nothing is projected onto them. None uses the attribute
            ``loss_tasks`` of the model or, for a model without it,
            ``loss_cls`` and ``loss_domain``.
        alpha_k: Strength of the semantic modulation; 0 disables it.
        alpha_p: Strength of the domain modulation; 0 disables it.
        modulation: ``'decoupled'``, ``'unified'`` or ``'none'``.
        projection: ``'cagp'``, ``'reverse'``, ``'fixed_cls'``,
            ``'fixed_domain'``, ``'pcgrad'`` or ``'none'``.
        granularity: ``'parameter'`` (exact) or ``'feature'`` (as fast as
            plain training, an approximation).
        confidences: Task -> modality -> key of the loss dict, for a model
            without ``<task>_confidence.<m>``. A key that contains ``loss`` is
            a uni-modal cross-entropy and is converted by ``exp(-loss)``, the
            geometric instead of the arithmetic mean of the probabilities.
        **kwargs: Arguments of :class:`ModalityOptimWrapper`.

    Raises:
        ValueError: An argument is out of range.

    Example::

        optim_wrapper = dict(
            type='GMPOptimWrapper',
            modalities=dict(video='backbone.video', audio='backbone.audio'),
            optimizer=dict(type='Adam', lr=1e-4))
    """

    weighting: GMPWeighting
    default_tasks: ClassVar[dict[str, list[str]] | None] = dict(
        semantic=['loss_cls'], domain=['loss_domain']
    )

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
        self._warned: set[str] = set()

    def attach(
        self, module: nn.Module, modalities: dict[str, list[str]]
    ) -> list[RemovableHandle]:
        """Check ``confidences`` too; see the base class.

        Raises:
            ValueError: ``confidences`` names an unknown task, or not all
                modalities. It may name further ones, which are only compared.
        """
        hooks = super().attach(module, modalities)
        for task, keys in self.weighting.confidences.keys.items():
            if task not in self.task_globs or modalities.keys() - keys.keys():
                raise ValueError(
                    f'`confidences` must name a key for each of '
                    f'{sorted(modalities)}, and only for the tasks '
                    f'{list(self.task_globs)}, got {task}={keys}'
                )
        return hooks

    def task_weights(
        self, gramians: dict[str, Tensor], statistics: dict[str, float]
    ) -> dict[str, list[float]]:
        """Compute the weights of eq. 8-15; see the base class."""
        weights = super().task_weights(gramians, statistics)
        for task in BALANCED_TASKS:
            if task not in self.task_globs or task in self._warned:
                continue
            if absent := self.weighting.confidences.absent(
                task, gramians, statistics
            ):
                self._warned.add(task)
                print_log(
                    f'The loss dict has none of {absent}: the {task} '
                    f'discrepancy ratios are 1, and the {task} gradients are '
                    'not modulated. To modulate them, return the batch means '
                    'of the uni-modal probabilities of the true label under '
                    'these keys, or name other keys in `confidences`.',
                    logger='current',
                    level=logging.WARNING,
                )
        return weights
