# Copyright (c) mmgmp authors.
"""Source metrics, weighted towards the source samples that look like target.

Labels of the source alone enter. The weights estimate the ratio of the
densities of the embeddings, p_t / p_s, on each source sample.
"""

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import logsumexp, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from .checks import finite_array
from .components import whitened_components

_FOLDS = 5


def importance_weighted_accuracy(
    source_features: np.ndarray,
    target_features: np.ndarray,
    correct: np.ndarray,
) -> float:
    """Source accuracy, weighted by the density ratio target to source (IW).

    The densities are Gaussian kernel estimates on the leading 5 principal
    components of both domains together, each scaled to unit variance. Both
    have Scott's bandwidth ``n^(-1 / (d + 4))`` for d components and the n
    samples of the smaller domain, so that the ratio of two equal densities
    is 1 however many samples each domain has. Scale and rotation of the
    features do not matter.

    A source sample counts in its own density. Leaving it out removes the
    bias, but then an isolated sample has a density near 0 and takes all the
    weight. On Gaussian domains of 100 to 500 samples that made the error
    against the target accuracy two to three times as large without a shift,
    and did not help clearly with one. With it the ratio is bounded, and equal
    sets give the plain accuracy.

    Distances take O(N_s (N_s + N_t)) time and memory, some 0.8 GB for 5000
    samples of each domain.

    Source: Sugiyama et al., `Covariate Shift Adaptation by Importance
    Weighted Cross Validation`, JMLR 2007; with density estimates in
    SKADA-Bench, arXiv 2407.11676.

    Args:
        source_features: (N_s, D) embeddings.
        target_features: (N_t, D) embeddings.
        correct: (N_s,) bool, whether each source sample is classified right.

    Returns:
        Score in [0, 1], higher is better.

    Raises:
        ValueError: An array is empty, has the wrong shape, or is not finite;
            or `correct` is not bool.
    """
    correct = np.asarray(correct)
    if correct.dtype != bool:
        raise ValueError(f'correct must be bool, got {correct.dtype}')
    correct = finite_array('correct', correct, 1)
    source, target = whitened_components(source_features, target_features)
    _check_length('correct', correct, source)
    count = min(len(source), len(target))
    bandwidth = count ** (-1 / (source.shape[1] + 4))
    log_ratios = _log_kernel_sums(source, target, bandwidth)
    log_ratios -= _log_kernel_sums(source, source, bandwidth)
    return float(softmax(log_ratios) @ correct)


def deep_embedded_validation(
    source_features: np.ndarray,
    target_features: np.ndarray,
    losses: np.ndarray,
) -> float:
    """Minus the deep embedded validation risk (DEV), so higher is better.

    ``mean(w l) + eta mean(w) - eta`` with ``eta = -cov(w l, w) / var(w)``,
    the control variate; 0 where w is constant. The density ratio is
    ``w = p(t | f) / p(s | f)`` of a logistic regression between the domains,
    on the components of :func:`importance_weighted_accuracy`. The domains
    weigh the same in its fit, which is what the factor N_s / N_t of the paper
    corrects for.

    The paper fits the classifier on a part of the source and weighs the
    rest. Here 5-fold cross-fitting weighs every source sample by a
    classifier that has not seen it. The folds depend on the order of the
    samples (not on chance), so the score does a little.

    Where the classifier tells the domains apart all weights are near 0, and
    the control variate extrapolates to a mean weight of 1: the score is then
    noise, and can be far from any loss.

    Source: You et al., `Towards Accurate Model Selection in Deep Unsupervised
    Domain Adaptation`, ICML 2019.

    Args:
        source_features: (N_s, D) embeddings, N_s at least 2.
        target_features: (N_t, D) embeddings, N_t at least 2.
        losses: (N_s,) loss of each source sample.

    Returns:
        Score; the control variate can make it positive.

    Raises:
        ValueError: An array is empty, has the wrong shape, or is not finite;
            or a domain has one sample.
    """
    losses = finite_array('losses', losses, 1)
    source, target = whitened_components(source_features, target_features)
    _check_length('losses', losses, source)
    count = min(len(source), len(target))
    if count < 2:
        raise ValueError(
            'source_features and target_features must have at least 2 rows '
            f'to cross-fit, got {len(source)} and {len(target)}'
        )
    log_odds = cross_val_predict(
        LogisticRegression(class_weight='balanced'),
        np.concatenate([source, target]),
        np.repeat([0, 1], [len(source), len(target)]),
        cv=StratifiedKFold(min(_FOLDS, count), shuffle=True, random_state=0),
        method='decision_function',
    )
    weights = np.exp(log_odds[: len(source)])
    return -_controlled_mean(weights, losses)


def _log_kernel_sums(
    points: np.ndarray, centers: np.ndarray, bandwidth: float
) -> np.ndarray:
    """Log of the kernel density estimate, up to a constant.

    :class:`sklearn.neighbors.KernelDensity` is 1e-5 off this sum.
    """
    distances = cdist(points, centers, metric='sqeuclidean')
    return logsumexp(distances / (-2 * bandwidth**2), axis=1)


def _controlled_mean(weights: np.ndarray, losses: np.ndarray) -> float:
    """Mean of ``weights * losses``, with mean(w) = 1 as control variate."""
    weighted = weights * losses
    covariance = np.cov(weighted, weights)
    variance = covariance[1, 1]
    # Below, the weights differ by rounding only and eta would be noise.
    if variance <= np.finfo(float).eps * weights.mean() ** 2:
        eta = 0.0
    else:
        eta = -covariance[0, 1] / variance
    return float(weighted.mean() + eta * weights.mean() - eta)


def _check_length(name: str, values: np.ndarray, source: np.ndarray) -> None:
    if len(values) != len(source):
        raise ValueError(
            f'{name} must have one element for each of the {len(source)} rows '
            f'of source_features, got {len(values)}'
        )
