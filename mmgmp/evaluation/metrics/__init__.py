# Copyright (c) mmgmp authors.
from .domain_acc_metric import MAIN_METRIC, DomainAccMetric
from .target_score_metric import TargetScoreMetric

__all__ = ['MAIN_METRIC', 'DomainAccMetric', 'TargetScoreMetric']
