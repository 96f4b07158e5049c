# Copyright (c) mmgmp authors.
from .concat_fusion import ConcatFusion
from .fusion import Fusion, fill_absent

__all__ = ['ConcatFusion', 'Fusion', 'fill_absent']
