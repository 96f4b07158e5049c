# Copyright (c) mmgmp authors.
import logging
from collections.abc import Sequence

from mmaction.registry import OPTIM_WRAPPERS
from mmengine.logging import print_log
from torch import Tensor

from .modality_parameters import Prefixes
from .task_gradient_optim_wrapper import TaskGradientOptimWrapper
from .weightings import GMPWeighting, discrepancy_ratio


@OPTIM_WRAPPERS.register_module()
class GMPOptimWrapper(TaskGradientOptimWrapper):
    """Gradient modulation and projection (GMP) of classification and domain.

    Implements `Balancing Multimodal Domain Generalization via Gradient
    Modulation and Projection <https://arxiv.org/abs/2603.14175>`_, eq. 1-15;
    the formulas are those of :class:`~mmgmp.optim.GMPWeighting`, the order of
    operations that of
    :class:`~mmgmp.optim.TaskGradientOptimWrapper`.

    The model's loss dict holds the two tasks' losses, whose gradients have
    the sign that the encoders descend (the domain loss behind a gradient
    reversal), and per modality ``m`` the batch means
    ``semantic_confidence.<m>`` and ``domain_confidence.<m>``. If a task's
    confidences are absent, its discrepancy ratios are 1 (no modulation by
    that task), which is warned of once.

    Per modality, ``gmp/{rho,sigma,k,p,conflict,cosine,norm_ratio}.<m>`` are
    logged at each update.

    Args:
        tasks: Keys of the loss dict of the task ``semantic`` and, unless
            there is a single source domain, of the task ``domain``.
        modalities: Modality -> prefix(es) of its encoder's modules in the
            model, e.g. ``dict(video='backbone.video')``. None asks the model.
        alpha_k: Strength of the semantic modulation; 0 switches it off.
        alpha_p: Strength of the domain modulation; 0 switches it off.
        modulation: ``'decoupled'``, ``'unified'`` or ``'none'``.
        projection: ``'cagp'``, ``'reverse'``, ``'fixed_cls'``,
            ``'fixed_domain'``, ``'pcgrad'`` or ``'none'``.
        granularity: ``'parameter'`` (exact) or ``'feature'`` (as fast as
            plain training, an approximation).
        **kwargs: Arguments of :class:`mmengine.optim.OptimWrapper`.

    Raises:
        ValueError: ``tasks`` other than these two, or an argument out of its
            range.

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
        **kwargs,
    ) -> None:
        if tasks is None:
            tasks = {'semantic': ['loss_cls'], 'domain': ['loss_domain']}
        if list(tasks) not in (['semantic', 'domain'], ['semantic']):
            raise ValueError(
                "`tasks` must have the keys 'semantic' and 'domain' (or "
                "'semantic' alone for a single source domain), in this "
                f'order, got {tasks}'
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
        self._warned = set()

    def task_weights(
        self, gramians: dict[str, Tensor], statistics: dict[str, float]
    ) -> dict[str, Sequence[float]]:
        """Weights of eq. 8-15 for each modality, logged as they are made."""
        rho = self._ratios('semantic', gramians, statistics)
        sigma = dict.fromkeys(rho, 1.0)
        if 'domain' in self.tasks:
            ratios = self._ratios('domain', gramians, statistics)
            sigma = {m: 1 / ratio for m, ratio in ratios.items()}
        weights = {}
        for modality, matrix in gramians.items():
            weights[modality], log = self.weighting(
                matrix, rho[modality], sigma[modality]
            )
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
        keys = {m: f'{task}_confidence.{m}' for m in gramians}
        absent = [key for key in keys.values() if key not in statistics]
        if not absent:
            return discrepancy_ratio(
                {m: statistics[key] for m, key in keys.items()}
            )
        if len(absent) < len(keys):
            raise KeyError(
                f'the model returns {sorted(set(keys.values()) - set(absent))}'
                f' but not {absent}; return all of them or none'
            )
        if task not in self._warned:
            self._warned.add(task)
            print_log(
                f'The loss dict has none of {absent}: the {task} discrepancy '
                f'ratios are 1 and the {task} gradients are not modulated. '
                'Return the batch means of the uni-modal probabilities of '
                'the true label under these keys to modulate.',
                logger='current',
                level=logging.WARNING,
            )
        return dict.fromkeys(gramians, 1.0)
