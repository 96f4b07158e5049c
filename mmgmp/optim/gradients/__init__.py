# Copyright (c) mmgmp authors.
from .feature_gradients import FeatureGradients
from .gradient_collector import GradientCollector
from .loss_terms import check_tasks, group_losses, mean_terms, order_tasks
from .modality_parameters import (
    ModalityParameters,
    Prefixes,
    prefix_lists,
    split_parameters,
    unwrap_model,
)
from .parameter_gradients import ParameterGradients
from .rank_mean import StatisticsMean
from .task_gradients import to_host

__all__ = [
    'FeatureGradients',
    'GradientCollector',
    'ModalityParameters',
    'ParameterGradients',
    'Prefixes',
    'StatisticsMean',
    'check_tasks',
    'group_losses',
    'mean_terms',
    'order_tasks',
    'prefix_lists',
    'split_parameters',
    'to_host',
    'unwrap_model',
]
