# Copyright (c) mmgmp authors.
from .domain_acc_metric import DomainAccMetric
from .target_score_metric import TargetScoreMetric

__all__ = ['DomainAccMetric', 'TargetScoreMetric']
