# Copyright (c) mmgmp authors.
import logging
import math
from collections.abc import Sequence

from mmaction.registry import OPTIM_WRAPPERS
from mmengine.logging import print_log
from torch import Tensor, nn

from .modality_parameters import Prefixes
from .task_gradient_optim_wrapper import TaskGradientOptimWrapper
from .weightings import GMPWeighting, discrepancy_ratio

BALANCED_TASKS = ('semantic', 'domain')


@OPTIM_WRAPPERS.register_module()
class GMPOptimWrapper(TaskGradientOptimWrapper):
    """Gradient modulation and projection (GMP) of classification and domain.

    Implements `Balancing Multimodal Domain Generalization via Gradient
    Modulation and Projection <https://arxiv.org/abs/2603.14175>`_, eq. 1-15;
    the formulas are those of :class:`~mmgmp.optim.GMPWeighting`, the order of
    operations that of
    :class:`~mmgmp.optim.TaskGradientOptimWrapper`.

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
        tasks: Keys of the loss dict of the task ``semantic`` and, unless
            there is a single source domain, of the task ``domain``. Tasks of
            any other name keep their gradients as they are: neither modulated
            nor projected, nor projected on.
        modalities: Modality -> prefix(es) of its encoder's modules in the
            model, e.g. ``dict(video='backbone.video')``. None asks the model.
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
        **kwargs: Arguments of :class:`mmengine.optim.OptimWrapper`.

    Raises:
        ValueError: ``tasks`` without ``semantic``, ``confidences`` of a task
            that is neither ``semantic`` nor ``domain``, or an argument out of
            its range.

    Example:
        >>> optim_wrapper = dict(
        ...     type='GMPOptimWrapper',
        ...     modalities=dict(
        ...         video='backbone.video', audio='backbone.audio'),
        ...     optimizer=dict(type='Adam', lr=1e-4))
    """

    def __init__(
        self,
        optimizer,
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
        if tasks is None:
            tasks = {'semantic': ['loss_cls'], 'domain': ['loss_domain']}
        if 'semantic' not in tasks:
            raise ValueError(
                "`tasks` must have the key 'semantic' and, unless there is a "
                f"single source domain, the key 'domain', got {tasks}"
            )
        super().__init__(
            tasks=tasks,
            modalities=modalities,
            granularity=granularity,
            optimizer=optimizer,
            **kwargs,
        )
        self.weighting = GMPWeighting(
            alpha_k=alpha_k,
            alpha_p=alpha_p,
            modulation=modulation,
            projection=projection,
        )
        confidences = confidences or {}
        balanced = [task for task in BALANCED_TASKS if task in tasks]
        if unknown := sorted(confidences.keys() - {*balanced}):
            raise ValueError(
                f'`confidences` has the tasks {unknown}, but only those of '
                f'{balanced} are modulated'
            )
        self.balanced_tasks = balanced
        self.confidences = confidences
        self._warned = set()

    def initialize_count_status(
        self, model: nn.Module, init_counts: int, max_counts: int
    ) -> None:
        """Attach the wrapper to the model; called once before training.

        Args:
            model: Training model, in DDP or not.
            init_counts: Initial value of the inner count.
            max_counts: Maximum value of the inner count.

        Raises:
            ValueError: ``confidences`` that do not name each modality; and
                see :class:`TaskGradientOptimWrapper`.
        """
        super().initialize_count_status(model, init_counts, max_counts)
        modalities = self._gradients.params.spans.keys()
        for task, keys in self.confidences.items():
            if keys.keys() != modalities:
                raise ValueError(
                    f'`confidences` must name a key for each of '
                    f'{sorted(modalities)}, got {task}={keys}'
                )

    def task_weights(
        self, gramians: dict[str, Tensor], statistics: dict[str, float]
    ) -> dict[str, Sequence[float]]:
        """Weights of eq. 8-15 for each modality, logged as they are made."""
        rho = self._ratios('semantic', gramians, statistics)
        sigma = dict.fromkeys(rho, 1.0)
        if 'domain' in self.tasks:
            ratios = self._ratios('domain', gramians, statistics)
            sigma = {m: 1 / ratio for m, ratio in ratios.items()}
        names = list(self.tasks)
        rows = [names.index(task) for task in self.balanced_tasks]
        weights = {}
        for modality, matrix in gramians.items():
            balanced, log = self.weighting(
                matrix[rows][:, rows], rho[modality], sigma[modality]
            )
            by_task = dict(zip(self.balanced_tasks, balanced))
            weights[modality] = [by_task.get(name, 1.0) for name in names]
            for name, value in log.items():
                self.message_hub.update_scalar(
                    f'train/gmp/{name}.{modality}', value
                )
        return weights

    def _ratios(
        self,
        task: str,
        gramians: dict[str, Tensor],
        statistics: dict[str, float],
    ) -> dict[str, float]:
        """Discrepancy ratio of each modality at one task."""
        keys = self.confidences.get(
            task, {m: f'{task}_confidence.{m}' for m in gramians}
        )
        absent = [key for key in keys.values() if key not in statistics]
        if not absent:
            return discrepancy_ratio(
                {
                    m: math.exp(-statistics[key])
                    if 'loss' in key
                    else statistics[key]
                    for m, key in keys.items()
                }
            )
        if len(absent) < len(keys) or task in self.confidences:
            raise KeyError(
                f'the model returns {sorted(statistics)} but not {absent}, '
                f'the {task} confidences; return all of them or name others '
                'in `confidences`'
            )
        if task not in self._warned:
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
        return dict.fromkeys(gramians, 1.0)
