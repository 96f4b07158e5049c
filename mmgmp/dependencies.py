# Copyright (c) mmgmp authors.
import importlib
from collections.abc import Sequence
from importlib.util import find_spec

from packaging.requirements import Requirement

# In the order of import, because each package checks those before it with less
# helpful messages.
REQUIREMENTS = dict(
    mmengine='mmengine>=0.10.7,<0.11',
    mmcv='mmcv-lite>=2.0.1,<2.2',
    mmaction='mmaction2>=1.2.0,<1.3',
)


def check_dependencies() -> None:
    """Check the OpenMMLab packages that mmgmp needs.

    Raises:
        ImportError: A package is missing or has an unsupported version.
    """
    for name, text in REQUIREMENTS.items():
        hint = f"mmgmp needs {text}; run: pip install '{text}'"
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            raise ImportError(f'{name} is not installed. {hint}') from error
        if module.__version__ not in Requirement(text).specifier:
            raise ImportError(f'found {name} {module.__version__}. {hint}')


def check_extra(user: str, extra: str, modules: Sequence[str]) -> None:
    """Check the packages of an extra of mmgmp.

    Args:
        user: What needs them, for the error.
        extra: Name of the extra in pyproject.toml.
        modules: Modules that it installs.

    Raises:
        ImportError: A module is not installed.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ImportError(
            f'{user} needs {", ".join(missing)}; run: '
            f"pip install 'mmgmp[{extra}]'"
        )
