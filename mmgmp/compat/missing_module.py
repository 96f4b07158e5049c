# Copyright (c) mmgmp authors.
import sys
import types
from importlib.util import find_spec
from pathlib import Path


def stub_drn() -> None:
    """Replace the DRN localizer, which is missing in the wheel of MMAction2.

    ``mmaction.models`` imports it, so without it no model can be built. An
    installation with the file is not changed.
    """
    name = 'mmaction.models.localizers.drn'
    spec = find_spec('mmaction')
    root = Path(spec.origin).parent if spec and spec.origin else Path()
    if (root / 'models/localizers/drn/drn.py').is_file():
        return
    module = types.ModuleType(f'{name}.drn')
    vars(module).update(DRN=type('DRN', (), {}))
    package = types.ModuleType(name)
    vars(package).update(__path__=[], drn=module)
    sys.modules.update({name: package, f'{name}.drn': module})
