# Copyright (c) mmgmp authors.
from .modality_projection import ModalityProjection

__all__ = ['ModalityProjection']
