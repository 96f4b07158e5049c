# Copyright (c) mmgmp authors.
"""Score predictions: accuracies, and scores that need no labels.

Every score is higher for a better model. The scores without labels are
validators for unsupervised domain adaptation: they rank the checkpoints of a
run by the predictions on the unlabelled target.
"""

import numpy as np
from scipy.special import entr, softmax

# Accuracy of all modalities together on all samples. It selects checkpoints
# and compares methods.
MAIN_METRIC = 'acc/all/fused/top1'

# The sum of a half-precision softmax over about 100 classes is this close
# to 1.
_SUM_TOLERANCE = 0.01


def top1_accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Fraction of the samples whose label has the highest score.

    If classes have equal scores, the first one counts, as in ``argmax``.

    Args:
        scores: (N, K) finite class scores, N at least 1.
        labels: (N,) integer labels.

    Returns:
        Accuracy in [0, 1].

    Example:
        >>> top1_accuracy(np.eye(3)[[0, 0, 1, 2]], np.array([0, 0, 0, 1]))
        0.5
    """
    return float(np.mean(scores.argmax(axis=1) == labels))


def mean_class_accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Top-1 accuracy of each class, averaged over the classes in `labels`.

    A class without samples does not enter the mean, even if it is predicted.
    In :func:`mmaction.evaluation.mean_class_accuracy` such a class counts as
    an accuracy of 0.

    Args:
        scores: (N, K) finite class scores, N at least 1.
        labels: (N,) integer labels.

    Returns:
        Accuracy in [0, 1].
    """
    return float(
        np.mean(
            [
                top1_accuracy(scores[labels == label], label)
                for label in np.unique(labels)
            ]
        )
    )


def entropy_score(probabilities: np.ndarray) -> float:
    """Negative mean entropy of the predictions.

    A model that assigns every sample to one class with certainty gets the
    best score, 0; see :func:`classes_used`.

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
    """Entropy of the mean prediction minus the mean entropy (IM).

    This is the mutual information of sample and predicted class. It is
    highest for predictions that are certain and spread evenly over the
    classes. Source: Musgrave et al., `Three New Validators and a Large-Scale
    Benchmark Ranking for Unsupervised Domain Adaptation`, arXiv 2208.07360.

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
    """Soft neighborhood density (SND).

    The mean over samples i of the entropy of ``softmax_{j != i}(s_ij / T)``,
    where s is the cosine similarity of two predictions. It is high if each
    sample has many neighbors with a similar prediction, so a model that
    predicts the same for all samples gets the best score; see
    :func:`classes_used`. Source: Saito et al., `Tune It the Right Way`, ICCV
    2021.

    The time is O(N^2 K). About four (N, N) float64 arrays are in memory, 0.8
    GB for 5000 samples.

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
    """Nuclear norm of the predictions divided by their number (BNM).

    Like :func:`information_maximization` it is highest for predictions that
    are certain and spread evenly over the classes. It shrinks as N grows, so
    compare it only between models on the same samples. Source: Cui et al.,
    `Towards Discriminability and Diversity`, CVPR 2020.

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
    """Fraction of the classes that are predicted for at least one sample.

    It detects a collapsed model, which other scores may prefer. If classes
    have equal probabilities, the first one counts, as in ``argmax``.

    Args:
        probabilities: (N, K) class probabilities.

    Returns:
        Fraction in (0, 1]; at most N / K.

    Raises:
        ValueError: As in :func:`entropy_score`.

    Example:
        >>> classes_used(np.eye(4)[[0, 0, 2]])
        0.5
    """
    probabilities = _check_probabilities(probabilities)
    predictions = np.unique(probabilities.argmax(axis=1))
    return len(predictions) / probabilities.shape[1]


def finite_array(name: str, values: np.ndarray, ndim: int) -> np.ndarray:
    """Return `values` as float64 after checking them.

    Args:
        name: Name of the argument in the error message.
        values: Numbers.
        ndim: Required number of dimensions.

    Raises:
        ValueError: `values` has another number of dimensions, no element, or
            one that is not finite.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != ndim or values.size == 0:
        raise ValueError(
            f'{name} must be a {ndim}-d array with at least one element, '
            f'but its shape is {values.shape}'
        )
    finite = np.isfinite(values)
    if not finite.all():
        raise ValueError(
            f'{name} must be finite, but {np.count_nonzero(~finite)} of its '
            f'{values.size} elements are NaN or infinite'
        )
    return values


def _mean_entropy(probabilities: np.ndarray) -> float:
    return float(entr(probabilities).sum(axis=1).mean())


def _check_probabilities(probabilities: np.ndarray) -> np.ndarray:
    probabilities = finite_array('probabilities', probabilities, 2)
    sums = probabilities.sum(axis=1)
    worst = np.abs(sums - 1).argmax()
    if probabilities.min() < 0 or abs(sums[worst] - 1) > _SUM_TOLERANCE:
        raise ValueError(
            'probabilities must be the output of a softmax, but the minimum '
            f'is {probabilities.min():g} and row {worst} sums to '
            f'{sums[worst]:g}'
        )
    return probabilities
