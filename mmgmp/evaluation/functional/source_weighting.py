# Copyright (c) mmgmp authors.
"""Source metrics with source samples weighted by similarity to the target.

Only labels of the source are used. The weights estimate the density ratio of
the embeddings, p_t / p_s, at each source sample.
"""

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import logsumexp, softmax

from .prediction_scores import finite_array

_FOLDS = 5
# With more components, a density ratio estimated from a few hundred samples
# puts all the weight on a few of them.
_MAX_COMPONENTS = 5
# A standard deviation below this, relative to the largest feature, is
# rounding in float32.
_RESOLUTION = 1e-7


def importance_weighted_accuracy(
    source_features: np.ndarray,
    target_features: np.ndarray,
    correct: np.ndarray,
) -> float:
    """Source accuracy weighted by the density ratio p_t / p_s (IW).

    The densities are Gaussian kernel estimates on the 5 leading principal
    components of both domains together, each scaled to unit variance. Both
    use Scott's bandwidth ``n^(-1 / (d + 4))`` for d components and the n
    samples of the smaller domain, so the ratio of two equal densities is 1
    whatever the sizes of the domains. The score is invariant to the scale and
    rotation of the features.

    A source sample counts in its own density estimate. Leaving it out removes
    the bias, but then an isolated sample has a density near 0 and takes all
    the weight. On Gaussian domains of 100 to 500 samples this made the error
    against the target accuracy two to three times as large without a shift,
    and did not clearly help with one. With it the ratio is bounded, and equal
    sets give the plain accuracy.

    The distances take O(N_s (N_s + N_t)) time and memory, about 0.8 GB for
    5000 samples of each domain.

    Source: Sugiyama et al., `Covariate Shift Adaptation by Importance
    Weighted Cross Validation`, JMLR 2007; with density estimates in
    SKADA-Bench, arXiv 2407.11676.

    Args:
        source_features: (N_s, D) embeddings.
        target_features: (N_t, D) embeddings.
        correct: (N_s,) bool, whether each source sample is classified
            correctly.

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
    """Negative deep embedded validation risk (DEV), so higher is better.

    The risk is ``mean(w l) + eta mean(w) - eta`` with the control variate
    ``eta = -cov(w l, w) / var(w)``, which is 0 if w is constant. The density
    ratio ``w = p(t | f) / p(s | f)`` comes from a logistic regression between
    the domains, on the components of :func:`importance_weighted_accuracy`.
    Both domains have the same total weight in its fit, which replaces the
    factor N_s / N_t of the paper.

    The paper fits the classifier on one part of the source and weights the
    rest. Here 5-fold cross-fitting weights every source sample by a
    classifier that has not seen it. The folds are fixed but depend on the
    order of the samples, so the score changes slightly with that order.

    If the classifier separates the domains, all weights are near 0 and the
    control variate extrapolates to a mean weight of 1: the score is then
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
            or a domain has only one sample.
    """
    losses = finite_array('losses', losses, 1)
    source, target = whitened_components(source_features, target_features)
    _check_length('losses', losses, source)
    count = min(len(source), len(target))
    if count < 2:
        raise ValueError(
            'source_features and target_features must have at least 2 rows '
            f'for cross-fitting, got {len(source)} and {len(target)}'
        )
    # Importing scikit-learn takes a second or two, which every run would pay.
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    log_odds = cross_val_predict(
        LogisticRegression(class_weight='balanced'),
        np.concatenate([source, target]),
        np.repeat([0, 1], [len(source), len(target)]),
        cv=StratifiedKFold(min(_FOLDS, count), shuffle=True, random_state=0),
        method='decision_function',
    )
    weights = np.exp(log_odds[: len(source)])
    return -_controlled_mean(weights, losses)


def whitened_components(
    source_features: np.ndarray, target_features: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Project two domains onto their common principal components.

    At most the 5 leading components are kept, and those that vary only by
    rounding are left out. In concatenated features the modality with the
    larger scale dominates the components.

    Args:
        source_features: (N_s, D) embeddings.
        target_features: (N_t, D) embeddings.

    Returns:
        (N_s, d) and (N_t, d) float64 coordinates. Each column has variance 1
        over both domains. If all rows are equal, d is 1 and all coordinates
        are 0.

    Raises:
        ValueError: An array is empty, not 2-d or not finite, or the widths
            differ.
    """
    source = finite_array('source_features', source_features, 2)
    target = finite_array('target_features', target_features, 2)
    if source.shape[1] != target.shape[1]:
        raise ValueError(
            'source_features and target_features must be equally wide, got '
            f'{source.shape[1]} and {target.shape[1]} columns'
        )
    from sklearn.decomposition import PCA

    features = np.concatenate([source, target])
    pca = PCA(min(_MAX_COMPONENTS, *features.shape), random_state=0)
    # For equal rows the explained variance ratio, unused here, is 0 / 0.
    with np.errstate(invalid='ignore'):
        components = pca.fit_transform(features)
    scales = components.std(axis=0)
    kept = scales > _RESOLUTION * np.abs(features).max()
    if not kept.any():
        components = np.zeros((len(features), 1))
    else:
        components = components[:, kept] / scales[kept]
    return components[: len(source)], components[len(source) :]


def _log_kernel_sums(
    points: np.ndarray, centers: np.ndarray, bandwidth: float
) -> np.ndarray:
    """Log of the kernel density estimate, up to a constant.

    :class:`sklearn.neighbors.KernelDensity` deviates from this sum by 1e-5.
    """
    distances = cdist(points, centers, metric='sqeuclidean')
    return logsumexp(distances / (-2 * bandwidth**2), axis=1)


def _controlled_mean(weights: np.ndarray, losses: np.ndarray) -> float:
    """Mean of ``weights * losses``, with mean(w) = 1 as control variate."""
    weighted = weights * losses
    covariance = np.cov(weighted, weights)
    variance = covariance[1, 1]
    # Below this the weights differ only by rounding, and eta would be noise.
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
