# Copyright (c) mmgmp authors.
from .functional.prediction_scores import (
    MAIN_METRIC,
    mean_class_accuracy,
    top1_accuracy,
)
from .metrics.domain_acc_metric import DomainAccMetric
from .metrics.target_score_metric import TargetScoreMetric
from .stock_metrics import count_fused_predictions

count_fused_predictions()

__all__ = [
    'MAIN_METRIC',
    'DomainAccMetric',
    'TargetScoreMetric',
    'mean_class_accuracy',
    'top1_accuracy',
]
