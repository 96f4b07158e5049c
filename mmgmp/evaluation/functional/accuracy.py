# Copyright (c) mmgmp authors.
import numpy as np


def top1_accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Fraction of the samples whose highest score is at their label.

    Among equal scores the first class counts, as in ``argmax``.

    Args:
        scores: (N, K) finite class scores, N at least 1.
        labels: (N,) integer labels.

    Returns:
        Accuracy in [0, 1].
    """
    return float(np.mean(scores.argmax(axis=1) == labels))


def mean_class_accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Top-1 accuracy of each class, averaged over the classes in `labels`.

    A class that is predicted but is no sample's label does not enter the
    mean, unlike in :func:`mmaction.evaluation.mean_class_accuracy`, where it
    counts as an accuracy of 0.

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
