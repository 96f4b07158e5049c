# Copyright (c) mmgmp authors.
from .functional import mean_class_accuracy, top1_accuracy
from .metrics import DomainAccMetric, TargetScoreMetric

__all__ = [
    'DomainAccMetric',
    'TargetScoreMetric',
    'mean_class_accuracy',
    'top1_accuracy',
]
