# Copyright (c) mmgmp authors.
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def run_tool(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict]:
    """Run a tool as a script in this process."""

    def run(tool: Path, *args):
        # Python adds the folder of a script to the module search path.
        monkeypatch.syspath_prepend(str(tool.parent))
        monkeypatch.setattr(sys, 'argv', [tool.name, *map(str, args)])
        return runpy.run_path(str(tool), run_name='__main__')

    return run
