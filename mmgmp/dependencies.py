# Copyright (c) mmgmp authors.
import runpy
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement

# In the order of import, because each package checks those before it with less
# helpful messages.
REQUIREMENTS = dict(
    mmengine='mmengine==0.10.7',
    mmcv='mmcv-lite>=2.0.1,<2.2',
    mmaction='mmaction2>=1.2.0,<1.3',
)
# Both packages install the folder `mmcv`, and overwrite each other's files.
ADVICE = dict(mmcv=' (or the full mmcv of the same versions)')


def installed_version(name: str) -> str | None:
    """Read the version of an OpenMMLab package without importing it.

    The name of a distribution would not do: the folder ``mmcv`` can come from
    two of them.

    Args:
        name: Name that is imported.

    Returns:
        The version, or None if there is no such package.
    """
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return None
    version = runpy.run_path(str(Path(spec.origin).with_name('version.py')))
    return version['__version__']


def check_dependencies() -> None:
    """Check the OpenMMLab packages that mmgmp needs.

    Raises:
        ImportError: A package is missing or has an unsupported version.
    """
    for name, text in REQUIREMENTS.items():
        version = installed_version(name)
        if version is None:
            found = f'{name} is not installed'
        elif version not in Requirement(text).specifier:
            found = f'found {name} {version}'
        else:
            continue
        raise ImportError(
            f'{found}. mmgmp needs {text}{ADVICE.get(name, "")}; run: '
            f"pip install '{text}'"
        )


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
