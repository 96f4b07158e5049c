# Copyright (c) mmgmp authors.
import math
from collections.abc import Collection

from torch import Tensor

from mmgmp.registry import WEIGHTINGS
from mmgmp.utils.numbers import check_number

from .confidences import BALANCED_TASKS, Confidences
from .weighting import TaskGramian

MODULATIONS = ('decoupled', 'unified', 'none')
PROJECTIONS = (
    'cagp',
    'reverse',
    'fixed_cls',
    'fixed_domain',
    'pcgrad',
    'none',
)


@WEIGHTINGS.register_module(name='GMP')
class GMPWeighting:
    r"""Modulation and projection of the tasks ``semantic`` and ``domain``.

    The discrepancy ratios, eq. 8-9, are computed from the batch means
    ``semantic_confidence.<m>`` and ``domain_confidence.<m>`` in the loss dict,
    or from the keys in ``confidences``. If the confidences of a task are
    absent, its ratios are 1 (no modulation by that task). A modality that has
    confidences but no Gramian is only compared with the others. Tasks of any
    other name have weight 1, and nothing is projected onto their gradients.

    Modulation (IGDM, eq. 10-11 of `GMP <https://arxiv.org/abs/2603.14175>`_):

    .. math::
        k = 1 - \tanh(\alpha_k \rho) \text{ if } \rho > 1 \text{ else } 1,
        \quad
        p = 1 - \tanh(\alpha_p \sigma) \text{ if } \sigma > 1 \text{ else } 1

    gives :math:`\hat g_c = k g_c` and :math:`\hat g_d = p g_d`. Projection
    (CAGP, eq. 12-15): if :math:`\langle \hat g_c, \hat g_d \rangle < 0`, the
    gradient of the task on which the modality is stronger is projected onto
    the orthogonal complement of the other gradient. This is :math:`\hat g_c`
    if :math:`\rho / \sigma > 1`, and :math:`\hat g_d` otherwise. The result is
    a linear combination :math:`w_c g_c + w_d g_d`, whose weights depend only
    on the ratios and the Gramian.

    Args:
        alpha_k: Strength of the semantic modulation, at least 0; 0 disables
            it.
        alpha_p: Strength of the domain modulation, at least 0; 0 disables it.
        modulation: ``'decoupled'`` (the paper), ``'unified'`` (k for both
            tasks) or ``'none'``.
        projection: ``'cagp'`` (the paper), ``'reverse'`` (project the weaker
            task), ``'fixed_cls'`` (always project :math:`g_c`),
            ``'fixed_domain'`` (always :math:`g_d`), ``'pcgrad'`` (each onto
            the complement of the other) or ``'none'``.
        confidences: Task -> modality -> key of the loss dict, for a model
            without ``<task>_confidence.<m>``. A key that contains ``loss`` is
            a uni-modal cross-entropy and is converted by ``exp(-loss)``, the
            geometric instead of the arithmetic mean of the probabilities.

    Raises:
        TypeError: A strength is not a number.
        ValueError: A strength is negative or not finite, ``modulation`` or
            ``projection`` is unknown, or a task of ``confidences`` is neither
            ``semantic`` nor ``domain``.
    """

    # Without this task there is nothing to balance.
    required_tasks = ('semantic',)
    # If the norm of a gradient is below this fraction of the other norm, its
    # direction is a rounding error, and it cannot conflict.
    negligible = 1e-6

    def __init__(
        self,
        alpha_k: float = 0.5,
        alpha_p: float = 0.5,
        modulation: str = 'decoupled',
        projection: str = 'cagp',
        confidences: dict[str, dict[str, str]] | None = None,
    ) -> None:
        check_number('alpha_k', alpha_k)
        check_number('alpha_p', alpha_p)
        if modulation not in MODULATIONS:
            raise ValueError(
                f'`modulation` must be one of {MODULATIONS}, '
                f'got {modulation!r}'
            )
        if projection not in PROJECTIONS:
            raise ValueError(
                f'`projection` must be one of {PROJECTIONS}, '
                f'got {projection!r}'
            )
        self.confidences = Confidences(confidences or {})
        self.alpha_k = alpha_k
        self.alpha_p = alpha_p
        self.modulation = modulation
        self.projection = projection

    def __call__(
        self, gramians: dict[str, TaskGramian], statistics: dict[str, float]
    ) -> tuple[dict[str, list[float]], dict[str, float]]:
        """Compute the weights, see :class:`Weighting`.

        It logs ``gmp/{rho,sigma,k,p,conflict,cosine,norm_ratio}.<m>``.

        Raises:
            KeyError: Only some confidences of a task are absent, or a key in
                ``confidences`` is absent.
        """
        rho = self.confidences.ratios('semantic', gramians, statistics)
        sigma = dict.fromkeys(gramians, 1.0)
        if any('domain' in gramian.tasks for gramian in gramians.values()):
            ratios = self.confidences.ratios('domain', gramians, statistics)
            sigma = {m: 1 / ratio for m, ratio in ratios.items()}
        weights, log = {}, {}
        for modality, (tasks, matrix) in gramians.items():
            balanced = [task for task in BALANCED_TASKS if task in tasks]
            rows = [tasks.index(task) for task in balanced]
            found, figures = self.weigh(
                balanced,
                matrix[rows][:, rows],
                rho[modality],
                sigma[modality],
            )
            weights[modality] = [found.get(task, 1.0) for task in tasks]
            log.update(
                {f'gmp/{name}.{modality}': x for name, x in figures.items()}
            )
        return weights, log

    def weigh(
        self,
        tasks: Collection[str],
        gramian: Tensor,
        rho: float,
        sigma: float,
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Compute the weights of the balanced tasks of one modality.

        Args:
            tasks: Which of ``semantic`` and ``domain`` reach the encoder, in
                this order.
            gramian: Finite inner products of their gradients, (2, 2) for
                both tasks.
            rho: Semantic discrepancy ratio of the modality.
            sigma: Domain discrepancy ratio of the modality.

        Returns:
            Task -> weight, and the scalars to log.
        """
        k, p = self.modulate(rho, sigma)
        log: dict[str, float] = {}
        if 'semantic' in tasks:
            log.update(rho=rho, k=k)
        if 'domain' in tasks:
            log.update(sigma=sigma, p=p)
        if len(tasks) < 2:
            return dict(semantic=k, domain=p), log
        (cc, cd), (_, dd) = gramian.tolist()
        norm_c, norm_d = math.sqrt(cc), math.sqrt(dd)
        negligible = min(norm_c, norm_d) <= self.negligible * max(
            norm_c, norm_d
        )
        cosine = 0.0 if negligible else cd / (norm_c * norm_d)
        conflict = cosine < 0
        weights = dict(semantic=k, domain=p)
        if conflict:
            # In units of g_c and g_d, the projection of k g_c subtracts
            # (k cd / dd) g_d, independently of p, and vice versa.
            off_c, off_d = -k * cd / dd, -p * cd / cc
            project_c, project_d = self._projected(rho, sigma)
            weights = dict(
                semantic=k + project_d * off_d, domain=p + project_c * off_c
            )
        log.update(
            conflict=float(conflict),
            cosine=cosine,
            norm_ratio=norm_d / norm_c if norm_c else math.inf,
        )
        return weights, log

    def modulate(self, rho: float, sigma: float) -> tuple[float, float]:
        """Compute the coefficients ``(k, p)`` of eq. 10-11, in (0, 1]."""
        if self.modulation == 'none':
            return 1.0, 1.0
        k = 1 - math.tanh(self.alpha_k * rho) if rho > 1 else 1.0
        if self.modulation == 'unified':
            return k, k
        p = 1 - math.tanh(self.alpha_p * sigma) if sigma > 1 else 1.0
        return k, p

    def _projected(self, rho: float, sigma: float) -> tuple[bool, bool]:
        """Decide whether to project g_c, and whether to project g_d."""
        stronger_on_cls = rho / sigma > 1
        return {
            'cagp': (stronger_on_cls, not stronger_on_cls),
            'reverse': (not stronger_on_cls, stronger_on_cls),
            'fixed_cls': (True, False),
            'fixed_domain': (False, True),
            'pcgrad': (True, True),
            'none': (False, False),
        }[self.projection]
