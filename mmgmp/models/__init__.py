# Copyright (c) mmgmp authors.
from .backbones import MultimodalBackbone
from .fusions import ConcatFusion, Fusion
from .heads import Classifier, FusionClassifier, MultimodalHead
from .necks import ModalityProjection
from .objectives import (
    Boomda,
    DomainAdversarial,
    Objective,
    UnimodalDomainAdversarial,
)
from .recognizers import MultimodalRecognizer
from .train_batch import TrainBatch

__all__ = [
    'Boomda',
    'Classifier',
    'ConcatFusion',
    'DomainAdversarial',
    'Fusion',
    'FusionClassifier',
    'ModalityProjection',
    'MultimodalBackbone',
    'MultimodalHead',
    'MultimodalRecognizer',
    'Objective',
    'TrainBatch',
    'UnimodalDomainAdversarial',
]
