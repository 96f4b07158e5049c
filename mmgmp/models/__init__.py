# Copyright (c) mmgmp authors.
from .backbones import MultimodalBackbone
from .fusions import ConcatFusion
from .heads import FusionClassifier, MultimodalHead
from .necks import ModalityProjection
from .objectives import Boomda, DomainAdversarial, UnimodalDomainAdversarial
from .recognizers import MultimodalRecognizer

__all__ = [
    'Boomda',
    'ConcatFusion',
    'DomainAdversarial',
    'FusionClassifier',
    'ModalityProjection',
    'MultimodalBackbone',
    'MultimodalHead',
    'MultimodalRecognizer',
    'UnimodalDomainAdversarial',
]
