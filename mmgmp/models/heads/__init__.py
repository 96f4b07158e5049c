# Copyright (c) mmgmp authors.
from .classifier import Classifier, build_classifier
from .fusion_classifier import FusionClassifier
from .multimodal_head import MultimodalHead

__all__ = [
    'Classifier',
    'FusionClassifier',
    'MultimodalHead',
    'build_classifier',
]
