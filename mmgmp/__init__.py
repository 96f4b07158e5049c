# Copyright (c) mmgmp authors.
# isort: skip_file
"""Balanced multimodal training on unseen domains, for MMAction2.

Importing the package registers every type of it in MMAction2's registries, so
that a config needs one line, ``custom_imports = dict(imports=['mmgmp'])``.
"""

from .dependencies import check_dependencies
from .version import __version__

# The check and the repairs come before the sub-packages, which need them.
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
