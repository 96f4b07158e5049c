# Copyright (c) mmgmp authors.
"""Accuracy per class, confusion matrix, and signs of a collapsed model."""

from collections.abc import Sequence

import numpy as np

# See `is_nearly_constant`.
COLLAPSED_FRACTION = 1 / 5
# A text table of more classes is wider than a terminal.
MOST_COLUMNS = 20
WORST_CONFUSIONS = 10


def confusion_matrix(
    predicted: np.ndarray, labels: np.ndarray, num_classes: int
) -> np.ndarray:
    """Count the clips of each true class by their predicted class.

    Args:
        predicted: (N,) predicted classes.
        labels: (N,) true classes.
        num_classes: K, above all classes.

    Returns:
        (K, K) integers; rows are true classes, columns predicted ones.

    Example:
        >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 0, 1]), 2)
        array([[1, 1],
               [0, 1]])
    """
    flat = np.bincount(
        labels * num_classes + predicted, minlength=num_classes**2
    )
    return flat.reshape(num_classes, num_classes)


def class_names(classes: Sequence[str] | None, num_classes: int) -> list[str]:
    """Name each class.

    Args:
        classes: Names from the ``metainfo`` of a data set, or None.
        num_classes: K.

    Returns:
        K different names; the indices if `classes` has no K different ones.
    """
    names = [*map(str, classes or ())]
    if len({*names}) == len(names) == num_classes:
        return names
    return [*map(str, range(num_classes))]


def largest_share(counts: np.ndarray, classes: Sequence[str]) -> dict:
    """Find the most frequent class.

    Args:
        counts: (K,) clips of each class, at least one in all.
        classes: K names.

    Returns:
        ``class`` (its name; the first one if several are equal) and ``share``
        (its fraction of the clips).
    """
    place = int(counts.argmax())
    share = float(counts[place] / counts.sum())
    return {'class': classes[place], 'share': share}


def describe_classes(matrix: np.ndarray, classes: Sequence[str]) -> dict:
    """Describe the predictions of one branch by class.

    Args:
        matrix: (K, K) confusion matrix of at least one clip.
        classes: K names.

    Returns:
        ``most_predicted`` (see :func:`largest_share`) and ``per_class`` (name
        -> fraction of its clips that are right, None for a class without
        clips).
    """
    clips = matrix.sum(axis=1)
    right = matrix.diagonal()
    return dict(
        most_predicted=largest_share(matrix.sum(axis=0), classes),
        per_class={
            name: float(r / n) if n else None
            for name, r, n in zip(classes, right, clips, strict=True)
        },
    )


def is_nearly_constant(most_predicted: float, majority: float) -> bool:
    """Check whether a model predicts almost only one class.

    It does if it gives fewer clips to its other classes than a fifth of the
    clips outside the most frequent class. A model that is always right never
    does, and one that always predicts the same class does as soon as the
    clips have two classes. The limit follows the data: 83 % of the
    predictions for seven classes of equal size, 93 % where two of three clips
    are of one class.

    Args:
        most_predicted: Share of the most predicted class in the predictions.
        majority: Share of the most frequent class in the clips.

    Example:
        >>> is_nearly_constant(0.95, 0.14), is_nearly_constant(0.95, 0.9)
        (True, False)
    """
    return 1 - most_predicted < COLLAPSED_FRACTION * (1 - majority)


def collapse_warning(group: dict, branch: str = 'fused') -> str | None:
    """Describe a nearly constant prediction in one sentence.

    Args:
        group: Entry of ``report`` of
            :class:`~mmgmp.evaluation.DomainAccMetric`.
        branch: Branch of the predictions.

    Returns:
        The warning; None if the branch is absent or varies, see
        :func:`is_nearly_constant`.
    """
    scored = group['branches'].get(branch)
    if scored is None:
        return None
    most, majority = scored['most_predicted'], group['majority']
    if not is_nearly_constant(most['share'], majority['share']):
        return None
    return (
        f'{100 * most["share"]:.1f} % of the predictions are '
        f'{most["class"]!r}, but the most frequent class, '
        f'{majority["class"]!r}, has only {100 * majority["share"]:.1f} % of '
        f'the clips: the predictions are nearly constant, so the accuracy of '
        f'{100 * scored["top1"]:.1f} % says little about the model'
    )


def format_confusion(matrix: np.ndarray, classes: Sequence[str]) -> str:
    """Format a confusion matrix as text.

    Args:
        matrix: (K, K) confusion matrix.
        classes: K names.

    Returns:
        A row for each true class with its number, its name, the numbers of
        its clips by predicted class, the number of clips and the percentage
        that is right. For more than 20 classes, only the pairs of classes
        that are confused most often.
    """
    if len(classes) > MOST_COLUMNS:
        return _worst_confusions(matrix, classes)
    clips, right = matrix.sum(axis=1), matrix.diagonal()
    table = [['', '', *map(str, range(len(classes))), 'clips', 'right (%)']]
    for index, name in enumerate(classes):
        counts = [str(count) if count else '.' for count in matrix[index]]
        share = '-'
        if clips[index]:
            share = f'{100 * right[index] / clips[index]:.1f}'
        cells = [str(index), name, *counts, str(clips[index]), share]
        table.append(cells)
    return align(table, left=(1,))


def align(table: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """Pad the cells of a text table.

    Args:
        table: Rows of equally many cells.
        left: Columns that are aligned to the left; the others are aligned to
            the right.
    """
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return '\n'.join(
        '  '.join(
            cell.ljust(width) if index in left else cell.rjust(width)
            for index, (cell, width) in enumerate(
                zip(row, widths, strict=True)
            )
        ).rstrip()
        for row in table
    )


def _worst_confusions(matrix: np.ndarray, classes: Sequence[str]) -> str:
    wrong = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    clips = matrix.sum(axis=1)
    table = [['true class', 'predicted as', 'clips', 'of its clips (%)']]
    order = np.argsort(-wrong, axis=None, kind='stable')[:WORST_CONFUSIONS]
    for place in order:
        true, predicted = divmod(int(place), len(matrix))
        if count := wrong[true, predicted]:
            share = f'{100 * count / clips[true]:.1f}'
            row = [classes[true], classes[predicted], str(count), share]
            table.append(row)
    return align(table, left=(0, 1))
