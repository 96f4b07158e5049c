# Copyright (c) mmgmp authors.
from .balanced_coral_loss import BalancedCoral, BalancedCoralLoss
from .confidence import mean_confidence
from .coral import coral, coral_with_gramian
from .coral_loss import CoralLoss
from .covariance import covariance_root, zero_loss
from .entropy import gaussian_entropy
from .gather_rows import gather_rows
from .information_bottleneck_loss import InformationBottleneckLoss
from .pseudo_labels import vote_pseudo_labels

__all__ = [
    'BalancedCoral',
    'BalancedCoralLoss',
    'CoralLoss',
    'InformationBottleneckLoss',
    'coral',
    'coral_with_gramian',
    'covariance_root',
    'gather_rows',
    'gaussian_entropy',
    'mean_confidence',
    'vote_pseudo_labels',
    'zero_loss',
]
