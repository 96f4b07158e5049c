# Copyright (c) mmgmp authors.
import math

from torch import Tensor

MODULATIONS = ('decoupled', 'unified', 'none')
PROJECTIONS = (
    'cagp',
    'reverse',
    'fixed_cls',
    'fixed_domain',
    'pcgrad',
    'none',
)


def discrepancy_ratio(confidences: dict[str, float]) -> dict[str, float]:
    """Ratio of each modality's confidence to the mean of the others'.

    Eq. 8 of `GMP <https://arxiv.org/abs/2603.14175>`_ for two modalities,
    ``rho_m = sum_i q_i^m / sum_i q_i^mbar``. The domain ratio ``sigma_m`` of
    eq. 9 is the ratio of the others to the modality, its inverse for two.

    Args:
        confidences: Modality -> mean (or sum) over the same samples of the
            probability that the modality alone gives to the label.

    Returns:
        Modality -> ratio; 1 for a single modality.
    """
    if len(confidences) == 1:
        return dict.fromkeys(confidences, 1.0)
    # Probabilities that underflowed to 0 give a large ratio, not an error.
    floor = 1e-12
    ratios = {}
    for modality, value in confidences.items():
        others = [v for m, v in confidences.items() if m != modality]
        mean = sum(others) / len(others)
        ratios[modality] = max(value, floor) / max(mean, floor)
    return ratios


class GMPWeighting:
    r"""Weights of the two task gradients of one modality's encoder.

    Modulation (IGDM, eq. 10-11 of `GMP <https://arxiv.org/abs/2603.14175>`_):

    .. math::
        k = 1 - \tanh(\alpha_k \rho) \text{ if } \rho > 1 \text{ else } 1,
        \quad
        p = 1 - \tanh(\alpha_p \sigma) \text{ if } \sigma > 1 \text{ else } 1

    gives :math:`\hat g_c = k g_c` and :math:`\hat g_d = p g_d`. Projection
    (CAGP, eq. 12-15): if :math:`\langle \hat g_c, \hat g_d \rangle < 0`, the
    gradient of the task at which the modality is stronger is projected on
    the orthogonal complement of the other, :math:`\hat g_c` if
    :math:`\rho / \sigma > 1` and :math:`\hat g_d` otherwise. The result is a
    linear combination :math:`w_c g_c + w_d g_d`, whose weights depend on the
    Gramian alone.

    Args:
        alpha_k: Strength of the semantic modulation, at least 0; 0 is none.
        alpha_p: Strength of the domain modulation, at least 0; 0 is none.
        modulation: ``'decoupled'`` (the paper), ``'unified'`` (k for both
            tasks) or ``'none'``.
        projection: ``'cagp'`` (the paper), ``'reverse'`` (project the weaker
            task), ``'fixed_cls'`` (always project :math:`g_c`),
            ``'fixed_domain'`` (always :math:`g_d`), ``'pcgrad'`` (each on
            the complement of the other) or ``'none'``.

    Raises:
        ValueError: A negative or non-finite strength, or an unknown
            ``modulation`` or ``projection``.
    """

    # A gradient whose norm is below this share of the other's has a
    # direction made of rounding errors: it conflicts with nothing.
    negligible = 1e-6

    def __init__(
        self,
        alpha_k: float = 0.5,
        alpha_p: float = 0.5,
        modulation: str = 'decoupled',
        projection: str = 'cagp',
    ) -> None:
        for name, value in {'alpha_k': alpha_k, 'alpha_p': alpha_p}.items():
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(
                    f'`{name}` must be a finite number of at least 0, '
                    f'got {value}'
                )
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
        self.alpha_k = alpha_k
        self.alpha_p = alpha_p
        self.modulation = modulation
        self.projection = projection

    def modulate(self, rho: float, sigma: float) -> tuple[float, float]:
        """Coefficients ``(k, p)`` of eq. 10-11, each in (0, 1]."""
        if self.modulation == 'none':
            return 1.0, 1.0
        k = 1 - math.tanh(self.alpha_k * rho) if rho > 1 else 1.0
        if self.modulation == 'unified':
            return k, k
        p = 1 - math.tanh(self.alpha_p * sigma) if sigma > 1 else 1.0
        return k, p

    def __call__(
        self, gramian: Tensor, rho: float, sigma: float
    ) -> tuple[tuple[float, ...], dict[str, float]]:
        """Weigh the gradients of one modality.

        Args:
            gramian: (2, 2) finite inner products of (g_c, g_d), or (1, 1)
                where there is no domain task.
            rho: Semantic discrepancy ratio of the modality.
            sigma: Domain discrepancy ratio of the modality; not used where
                there is no domain task.

        Returns:
            The weights of g_c and g_d, and the figures to log.
        """
        if len(gramian) == 1:
            k, _ = self.modulate(rho, 1.0)
            return (k,), {'rho': rho, 'k': k}
        k, p = self.modulate(rho, sigma)
        (cc, cd), (_, dd) = gramian.tolist()
        norm_c, norm_d = math.sqrt(cc), math.sqrt(dd)
        negligible = min(norm_c, norm_d) <= self.negligible * max(
            norm_c, norm_d
        )
        cosine = 0.0 if negligible else cd / (norm_c * norm_d)
        conflict = cosine < 0
        weights = (k, p)
        if conflict:
            # In units of g_c and g_d the projection of k g_c takes away
            # (k cd / dd) g_d, whatever p; and the other way round.
            off_c, off_d = -k * cd / dd, -p * cd / cc
            project_c, project_d = self._projected(rho, sigma)
            weights = (k + project_d * off_d, p + project_c * off_c)
        log = {
            'rho': rho,
            'sigma': sigma,
            'k': k,
            'p': p,
            'conflict': float(conflict),
            'cosine': cosine,
            'norm_ratio': norm_d / norm_c if norm_c else math.inf,
        }
        return weights, log

    def _projected(self, rho: float, sigma: float) -> tuple[bool, bool]:
        """Whether g_c and whether g_d is projected in a conflict."""
        stronger_at_cls = rho / sigma > 1
        return {
            'cagp': (stronger_at_cls, not stronger_at_cls),
            'reverse': (not stronger_at_cls, stronger_at_cls),
            'fixed_cls': (True, False),
            'fixed_domain': (False, True),
            'pcgrad': (True, True),
            'none': (False, False),
        }[self.projection]
