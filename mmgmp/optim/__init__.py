# Copyright (c) mmgmp authors.
from .gmp_optim_wrapper import GMPOptimWrapper
from .gradient_scaling_optim_wrapper import GradientScalingOptimWrapper
from .modality_optim_wrapper import ModalityOptimWrapper
from .task_gradient_optim_wrapper import TaskGradientOptimWrapper
from .weightings import (
    DualProjWeighting,
    GMPWeighting,
    GramianWeighting,
    MGDAWeighting,
    PCGradWeighting,
    SumWeighting,
    TaskGramian,
    TorchJDWeighting,
    UPGradWeighting,
    Weighting,
    discrepancy_ratio,
)

__all__ = [
    'DualProjWeighting',
    'GMPOptimWrapper',
    'GMPWeighting',
    'GradientScalingOptimWrapper',
    'GramianWeighting',
    'MGDAWeighting',
    'ModalityOptimWrapper',
    'PCGradWeighting',
    'SumWeighting',
    'TaskGradientOptimWrapper',
    'TaskGramian',
    'TorchJDWeighting',
    'UPGradWeighting',
    'Weighting',
    'discrepancy_ratio',
]
