# Copyright (c) mmgmp authors.
from .multimodal_backbone import MultimodalBackbone

__all__ = ['MultimodalBackbone']
