# Copyright (c) mmgmp authors.
"""Confusions and collapsed predictions, on counts made by hand."""

import numpy as np
import pytest

from mmgmp.evaluation.functional.class_report import (
    class_names,
    collapse_warning,
    confusion_matrix,
    describe_classes,
    format_confusion,
    is_nearly_constant,
)

MATRIX = np.array([[3, 1, 0], [0, 0, 0], [2, 0, 4]])
NAMES = ['run', 'sit', 'eat well']


def test_confusion_matrix_counts_true_by_predicted_class():
    predicted = np.array([0, 0, 0, 1, 0, 0, 2, 2, 2, 2])
    labels = np.array([0, 0, 0, 0, 2, 2, 2, 2, 2, 2])
    matrix = confusion_matrix(predicted, labels, 3)
    assert matrix.tolist() == MATRIX.tolist()


def test_classes_are_described():
    assert describe_classes(MATRIX, NAMES) == dict(
        most_predicted={'class': 'run', 'share': 0.5},
        per_class={'run': 0.75, 'sit': None, 'eat well': 4 / 6},
    )


@pytest.mark.parametrize(
    ('classes', 'names'),
    [
        (('a', 'b'), ['a', 'b']),
        (None, ['0', '1']),
        (('a',), ['0', '1']),
        (('a', 'a'), ['0', '1']),
    ],
)
def test_names_of_classes(classes, names):
    assert class_names(classes, 2) == names


@pytest.mark.parametrize(
    ('most_predicted', 'majority', 'constant'),
    [
        (1.0, 2 / 3, True),
        (0.96, 2 / 3, True),
        (0.92, 2 / 3, False),
        (0.84, 1 / 7, True),
        (0.82, 1 / 7, False),
        # As many clips of other classes as there are.
        (0.97, 0.97, False),
        (1.0, 1.0, False),
        (1.0, 0.97, True),
    ],
)
def test_nearly_constant_predictions(most_predicted, majority, constant):
    assert is_nearly_constant(most_predicted, majority) is constant


def test_warning_names_both_classes():
    most, majority = {'class': 'run', 'share': 1.0}, {'class': 'sit'}
    fused = dict(top1=0.3, most_predicted=most)
    group = dict(branches=dict(fused=fused), majority=majority)
    majority['share'] = 0.667
    text = collapse_warning(group)
    assert "100.0 % of the predictions are 'run'" in text
    assert "'sit', has only 66.7 %" in text
    assert 'accuracy of 30.0 %' in text
    most['share'] = 0.7
    assert collapse_warning(group) is None
    assert collapse_warning(group, 'audio') is None


def test_table_of_a_few_classes():
    assert format_confusion(MATRIX, NAMES) == (
        '             0  1  2  clips  right (%)\n'
        '0  run       3  1  .      4       75.0\n'
        '1  sit       .  .  .      0          -\n'
        '2  eat well  2  .  4      6       66.7'
    )


def test_worst_confusions_of_many_classes():
    matrix = np.eye(21, dtype=int) * 8
    matrix[3, 5], matrix[20, 0] = 2, 12
    names = [f'class {i}' for i in range(21)]
    assert format_confusion(matrix, names) == (
        'true class  predicted as  clips  of its clips (%)\n'
        'class 20    class 0          12              60.0\n'
        'class 3     class 5           2              20.0'
    )
