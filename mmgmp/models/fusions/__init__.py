# Copyright (c) mmgmp authors.
from .concat_fusion import ConcatFusion

__all__ = ['ConcatFusion']
