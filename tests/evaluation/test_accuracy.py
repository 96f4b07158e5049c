# Copyright (c) mmgmp authors.
"""Accuracies from score arrays, against numbers worked out by hand."""

import numpy as np
import pytest

from mmgmp.evaluation import mean_class_accuracy, top1_accuracy

# Predictions 0, 0, 1, 2 for labels 0, 0, 0, 1: class 0 has 2 of 3, class 1
# has 0 of 1, and class 2 is predicted although no sample belongs to it.
SCORES = np.eye(3)[[0, 0, 1, 2]]
LABELS = np.array([0, 0, 0, 1])


def test_top1_accuracy():
    assert top1_accuracy(SCORES, LABELS) == 0.5


def test_mean_class_accuracy_leaves_out_absent_classes():
    assert mean_class_accuracy(SCORES, LABELS) == pytest.approx(1 / 3)


def test_mean_class_accuracy_of_one_class_is_top1():
    labels = np.zeros(4, dtype=int)
    assert mean_class_accuracy(SCORES, labels) == 0.5


def test_a_tie_goes_to_the_first_class():
    scores = np.array([[0.5, 0.5]])
    assert top1_accuracy(scores, np.array([0])) == 1.0
    assert top1_accuracy(scores, np.array([1])) == 0.0
