# Copyright (c) mmgmp authors.
"""Tools that draw the logs of runs, called in the process of the test."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / 'tools/analysis_tools'


def write_run(work_dir: Path, **keys: float) -> Path:
    """Log the same scalars at the iterations 10 and 20."""
    file = work_dir / '20250101_000000' / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    lines = [json.dumps(dict(keys, iter=i, step=i)) for i in (10, 20)]
    file.write_text('\n'.join(lines))
    return file


def load_tool(name: str, patch: pytest.MonkeyPatch) -> ModuleType:
    """Import a tool, with its folder searched as that of a script is."""
    patch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location(name, FOLDER / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def caller(tool: ModuleType, patch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that runs a tool with the arguments it is given."""

    def run(*args):
        patch.setattr(sys, 'argv', [f'{tool.__name__}.py', *map(str, args)])
        tool.main()

    return run
