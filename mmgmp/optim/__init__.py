# Copyright (c) mmgmp authors.
from .gmp_optim_wrapper import GMPOptimWrapper
from .gradient_scaling_optim_wrapper import GradientScalingOptimWrapper
from .modality_optim_wrapper import ModalityOptimWrapper
from .task_gradient_optim_wrapper import TaskGradientOptimWrapper
from .weightings.confidences import discrepancy_ratio
from .weightings.gmp import GMPWeighting
from .weightings.mgda import MGDAWeighting
from .weightings.pcgrad import PCGradWeighting
from .weightings.torchjd import TorchJDWeighting
from .weightings.upgrad import DualProjWeighting, UPGradWeighting
from .weightings.weighting import (
    GramianWeighting,
    SumWeighting,
    TaskGramian,
    Weighting,
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
