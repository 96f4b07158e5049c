# Copyright (c) mmgmp authors.
"""Scores of a model from its class probabilities on the target alone.

No label enters. Each score is higher for the model it holds to be better.
"""

import numpy as np
from scipy.special import entr, softmax

from .checks import finite_array

# Half-precision softmax is this far from a sum of 1 with some 100 classes.
_SUM_TOLERANCE = 0.01


def entropy_score(probabilities: np.ndarray) -> float:
    """Minus the mean entropy of the predictions, so higher is better.

    A model that puts every sample into one class with certainty gets the
    best score, 0: see :func:`classes_used`.

    Args:
        probabilities: (N, K) class probabilities.

    Returns:
        Score in [-log K, 0], in nats.

    Raises:
        ValueError: `probabilities` is empty, not 2-d, not finite, negative,
            or has a row that does not sum to 1.
    """
    return -_mean_entropy(_check_probabilities(probabilities))


def information_maximization(probabilities: np.ndarray) -> float:
    """Entropy of the mean prediction minus the mean entropy.

    It is the mutual information of sample and predicted class: best when
    predictions are certain and spread evenly over the classes. Source:
    Musgrave et al., `Three New Validators and a Large-Scale Benchmark Ranking
    for Unsupervised Domain Adaptation`, arXiv 2208.07360.

    Args:
        probabilities: (N, K) class probabilities.

    Returns:
        Score in [0, log K], in nats.

    Raises:
        ValueError: As in :func:`entropy_score`.
    """
    probabilities = _check_probabilities(probabilities)
    marginal = probabilities.mean(axis=0, keepdims=True)
    return _mean_entropy(marginal) - _mean_entropy(probabilities)


def soft_neighborhood_density(
    probabilities: np.ndarray, temperature: float = 0.05
) -> float:
    """Soft neighbourhood density (SND).

    The mean over samples i of the entropy of ``softmax_{j != i}(s_ij / T)``,
    s the cosine similarity of two predictions: high where each sample has
    many others that are predicted alike, so a model that predicts the same
    for all of them gets the best score: see :func:`classes_used`. Source:
    Saito et al., `Tune It the Right Way`, ICCV 2021.

    The time is O(N^2 K); some four (N, N) arrays of float64 are in memory,
    0.8 GB for 5000 samples.

    Args:
        probabilities: (N, K) class probabilities.
        temperature: T above.

    Returns:
        Score in [0, log(N - 1)], in nats; 0 for one sample.

    Raises:
        ValueError: As in :func:`entropy_score`, or `temperature` is not
            positive.
    """
    probabilities = _check_probabilities(probabilities)
    if not temperature > 0:
        raise ValueError(f'temperature must be above 0, got {temperature}')
    if len(probabilities) == 1:
        return 0.0
    unit = probabilities / np.linalg.norm(probabilities, axis=1, keepdims=True)
    similarities = unit @ unit.T / temperature
    np.fill_diagonal(similarities, -np.inf)
    return _mean_entropy(softmax(similarities, axis=1))


def batch_nuclear_norm(probabilities: np.ndarray) -> float:
    """Nuclear norm of the predictions over their number (BNM).

    Like :func:`information_maximization` it is best when predictions are
    certain and spread evenly over the classes. It shrinks as N grows, so
    only models on the same samples compare. Source: Cui et al., `Towards
    Discriminability and Diversity`, CVPR 2020.

    Args:
        probabilities: (N, K) class probabilities.

    Returns:
        Score in (0, sqrt(min(N, K) / N)].

    Raises:
        ValueError: As in :func:`entropy_score`.
    """
    probabilities = _check_probabilities(probabilities)
    norm = np.linalg.norm(probabilities, ord='nuc')
    return float(norm / len(probabilities))


def classes_used(probabilities: np.ndarray) -> float:
    """Fraction of the classes that are the prediction of some sample.

    It tells a collapsed model, which other scores may prefer. Among equal
    probabilities the first class counts, as in ``argmax``.

    Args:
        probabilities: (N, K) class probabilities.

    Returns:
        Fraction in (0, 1]; at most N / K.

    Raises:
        ValueError: As in :func:`entropy_score`.
    """
    probabilities = _check_probabilities(probabilities)
    predictions = np.unique(probabilities.argmax(axis=1))
    return len(predictions) / probabilities.shape[1]


def _mean_entropy(probabilities: np.ndarray) -> float:
    return float(entr(probabilities).sum(axis=1).mean())


def _check_probabilities(probabilities: np.ndarray) -> np.ndarray:
    probabilities = finite_array('probabilities', probabilities, 2)
    sums = probabilities.sum(axis=1)
    worst = np.abs(sums - 1).argmax()
    if probabilities.min() < 0 or abs(sums[worst] - 1) > _SUM_TOLERANCE:
        raise ValueError(
            'probabilities must be the output of a softmax, but the least is '
            f'{probabilities.min():g} and row {worst} sums to '
            f'{sums[worst]:g}'
        )
    return probabilities
