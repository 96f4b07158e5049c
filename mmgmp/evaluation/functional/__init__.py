# Copyright (c) mmgmp authors.
from .accuracy import mean_class_accuracy, top1_accuracy

__all__ = ['mean_class_accuracy', 'top1_accuracy']
