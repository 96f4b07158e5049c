# Copyright (c) mmgmp authors.
# isort: skip_file
"""Balanced multimodal training for unseen domains, on MMAction2.

Importing the package adds all its types to the registries of MMAction2, so a
config needs one line, ``custom_imports = dict(imports=['mmgmp'])``. A
registry imports its types when it is first used.
"""

from importlib import import_module
from types import ModuleType

from .dependencies import check_dependencies
from .version import __version__

# The sub-packages need these checks and fixes.
check_dependencies()

from . import compat, registry  # noqa: E402

compat.apply()
registry.extend_registries()

__all__ = [
    '__version__',
    'apis',
    'compat',
    'datasets',
    'engine',
    'evaluation',
    'models',
    'optim',
    'visualization',
]


def __getattr__(name: str) -> ModuleType:
    """Import a sub-package at its first use."""
    if name in (*__all__, 'benchmark', 'released', 'utils'):
        return import_module(f'{__name__}.{name}')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
