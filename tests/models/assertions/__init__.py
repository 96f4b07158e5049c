# Copyright (c) mmgmp authors.
"""Common properties of objectives, fusions and classifiers.

``test_properties.py`` checks every registered one.
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
