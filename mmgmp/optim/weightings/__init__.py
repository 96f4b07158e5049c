# Copyright (c) mmgmp authors.
from .confidences import discrepancy_ratio
from .gmp import GMPWeighting
from .mgda import MGDAWeighting
from .pcgrad import PCGradWeighting
from .sum import SumWeighting
from .torchjd import TorchJDWeighting
from .upgrad import DualProjWeighting, UPGradWeighting
from .weighting import GramianWeighting, TaskGramian, Weighting

__all__ = [
    'DualProjWeighting',
    'GMPWeighting',
    'GramianWeighting',
    'MGDAWeighting',
    'PCGradWeighting',
    'SumWeighting',
    'TaskGramian',
    'TorchJDWeighting',
    'UPGradWeighting',
    'Weighting',
    'discrepancy_ratio',
]
