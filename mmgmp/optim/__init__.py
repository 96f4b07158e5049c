# Copyright (c) mmgmp authors.
from .amp_gmp_optim_wrapper import AmpGMPOptimWrapper
from .gmp_optim_wrapper import GMPOptimWrapper
from .task_gradient_optim_wrapper import TaskGradientOptimWrapper
from .weightings import GMPWeighting, discrepancy_ratio

__all__ = [
    'AmpGMPOptimWrapper',
    'GMPOptimWrapper',
    'GMPWeighting',
    'TaskGradientOptimWrapper',
    'discrepancy_ratio',
]
