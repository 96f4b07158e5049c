# Copyright (c) mmgmp authors.
import importlib

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
