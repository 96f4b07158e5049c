# Copyright (c) mmgmp authors.
from .functional import mean_class_accuracy, top1_accuracy
from .metrics import MAIN_METRIC, DomainAccMetric, TargetScoreMetric

__all__ = [
    'MAIN_METRIC',
    'DomainAccMetric',
    'TargetScoreMetric',
    'mean_class_accuracy',
    'top1_accuracy',
]
