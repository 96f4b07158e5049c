"""What importing mmgmp, and asking a tool for help, does not import."""

import importlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.registry import Registry

import mmgmp
from mmgmp import registry

ROOT = Path(__file__).parents[1]

HELP_OF_EVERY_TOOL = f"""
import contextlib, io, runpy, sys
from pathlib import Path

root = Path({str(ROOT)!r})
sys.path.insert(0, str(root))
tools = [
    path for path in root.glob('tools/**/*.py')
    if '__main__' in path.read_text()
]
assert len(tools) > 10
for tool in tools:
    sys.argv = [str(tool), '--help']
    sys.path.insert(0, str(tool.parent))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            runpy.run_path(str(tool), run_name='__main__')
        except SystemExit as stopped:
            assert stopped.code == 0, tool
    assert 'usage: ' in printed.getvalue(), tool
    slow = {{'torch', 'mmaction', 'scipy', 'sklearn', 'matplotlib', 'pandas'}}
    assert not slow & sys.modules.keys(), (tool, slow & sys.modules.keys())
"""


def test_help_of_every_tool_is_quick():
    result = subprocess.run(
        [sys.executable, '-c', HELP_OF_EVERY_TOOL],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr[-3000:]


def test_sub_packages_are_attributes():
    for name in mmgmp.__all__:
        assert getattr(mmgmp, name) is not None
    with pytest.raises(AttributeError, match="'mmgmp' has no attribute 'no'"):
        mmgmp.no  # noqa: B018


def test_every_registry_with_types_of_mmgmp_finds_them():
    """Each decorator names a registry that imports its module."""
    for path in ROOT.glob('mmgmp/**/*.py'):
        module = '.'.join(path.relative_to(ROOT).with_suffix('').parts)
        for line in path.read_text().splitlines():
            name, found, _ = line.partition('.register_module(')
            if not found or not name.startswith('@') or 'WEIGHTINGS' in name:
                continue
            packages = registry.PACKAGES[name[1:]]
            assert module.startswith(packages), (module, name)
            for package in packages:
                importlib.import_module(package)
            assert module in sys.modules


def test_registry_that_was_used_before(tmp_path, monkeypatch):
    (tmp_path / 'late_types.py').touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, 'PACKAGES', dict(THINGS=('late_types',)))
    things = Registry('thing', scope='toy', locations=['json'])
    assert things.get('Absent') is None
    registry._add_locations(SimpleNamespace(THINGS=things))
    assert 'late_types' not in sys.modules
    things.get('Absent')
    assert sys.modules.pop('late_types')
