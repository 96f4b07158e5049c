"""The check of the OpenMMLab stack at import."""

import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from mmgmp.dependencies import (
    REQUIREMENTS,
    check_dependencies,
    check_extra,
)

ROOT = Path(__file__).parents[1]


def test_installed_stack_passes():
    check_dependencies()


def test_unsupported_version(monkeypatch):
    monkeypatch.setattr('mmcv.__version__', '2.2.0')
    with pytest.raises(ImportError, match=r'found mmcv 2\.2\.0.*pip install'):
        check_dependencies()


def test_missing_package(monkeypatch):
    monkeypatch.delitem(sys.modules, 'mmcv')
    monkeypatch.setattr(sys, 'path', [])
    with pytest.raises(ImportError, match='mmcv is not installed'):
        check_dependencies()


@pytest.mark.parametrize('text', REQUIREMENTS.values())
def test_pinned_versions_are_supported(text):
    """The check accepts the versions that pip installs."""
    supported = Requirement(text)
    lines = (ROOT / 'requirements/runtime.txt').read_text().splitlines()
    pinned = {
        requirement.name: requirement.specifier
        for requirement in map(
            Requirement, (line for line in lines if line[0] != '#')
        )
    }[supported.name]
    for version in ('0.10.7', '1.2.0', '2.0.0', '2.0.1', '2.1.0', '2.2.0'):
        if version in pinned:
            assert version in supported.specifier


def test_missing_extra():
    check_extra('mmgmp.benchmark', 'benchmark', ['torch'])
    message = r"needs absent_a, absent_b; run: pip install 'mmgmp\[extra\]'"
    with pytest.raises(ImportError, match=message):
        check_extra('It', 'extra', ['absent_a', 'torch', 'absent_b'])
