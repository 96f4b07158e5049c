# Copyright (c) mmgmp authors.
from .fusion_classifier import FusionClassifier
from .multimodal_head import MultimodalHead

__all__ = ['FusionClassifier', 'MultimodalHead']
