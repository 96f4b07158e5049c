# Copyright (c) mmgmp authors.
from .accuracy import mean_class_accuracy, top1_accuracy
from .source_weighting import (
    deep_embedded_validation,
    importance_weighted_accuracy,
)
from .target_scores import (
    batch_nuclear_norm,
    classes_used,
    entropy_score,
    information_maximization,
    soft_neighborhood_density,
)

__all__ = [
    'batch_nuclear_norm',
    'classes_used',
    'deep_embedded_validation',
    'entropy_score',
    'importance_weighted_accuracy',
    'information_maximization',
    'mean_class_accuracy',
    'soft_neighborhood_density',
    'top1_accuracy',
]
