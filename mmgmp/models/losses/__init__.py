# Copyright (c) mmgmp authors.
from .confidence import mean_confidence

__all__ = ['mean_confidence']
