# Copyright (c) mmgmp authors.
# isort: skip_file
"""Balanced multimodal training for unseen domains, on MMAction2.

Importing the package registers all its types in the registries of MMAction2,
so a config needs one line, ``custom_imports = dict(imports=['mmgmp'])``.
"""

from .dependencies import check_dependencies
from .version import __version__

# The sub-packages need these checks and fixes.
check_dependencies()

from . import compat  # noqa: E402

compat.apply()

from . import (  # noqa: E402
    apis,
    datasets,
    engine,
    evaluation,
    models,
    optim,
    visualization,
)
from .released import models as _released  # noqa: E402, F401, registers them

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
