# Copyright (c) mmgmp authors.
from .functional import mean_class_accuracy, top1_accuracy
from .metrics import DomainAccMetric

__all__ = ['DomainAccMetric', 'mean_class_accuracy', 'top1_accuracy']
