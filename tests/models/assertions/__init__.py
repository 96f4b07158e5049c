# Copyright (c) mmgmp authors.
"""What every objective, fusion and classifier must do.

A new one is checked by being registered, see ``test_properties.py``.
"""

from .classifiers import assert_valid_classifier
from .common import registered
from .fusions import assert_valid_fusion
from .objectives import assert_valid_objective

__all__ = [
    'assert_valid_classifier',
    'assert_valid_fusion',
    'assert_valid_objective',
    'registered',
]
