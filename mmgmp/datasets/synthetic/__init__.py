# Copyright (c) mmgmp authors.
from .generator import generate_mini_hac, is_complete
from .spec import MiniHACSpec

__all__ = ['MiniHACSpec', 'generate_mini_hac', 'is_complete']
