"""The check of the OpenMMLab stack at import."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from mmgmp import dependencies
from mmgmp.dependencies import (
    REQUIREMENTS,
    check_dependencies,
    check_extra,
    installed_version,
)

ROOT = Path(__file__).parents[1]


def test_installed_stack_passes():
    check_dependencies()


def test_unsupported_version(monkeypatch):
    versions = {'mmcv': '2.2.0'}
    monkeypatch.setattr(
        dependencies,
        'installed_version',
        lambda name: versions.get(name) or installed_version(name),
    )
    with pytest.raises(ImportError, match=r'found mmcv 2\.2\.0.*pip install'):
        check_dependencies()


def test_missing_package(monkeypatch):
    monkeypatch.setattr(
        dependencies,
        'find_spec',
        lambda name: None if name == 'mmcv' else find_spec(name),
    )
    message = r"mmcv is not installed.*pip install 'mmcv-lite>=2\.0\.1,<2\.2'"
    with pytest.raises(ImportError, match=message):
        check_dependencies()


@pytest.mark.parametrize('text', REQUIREMENTS.values())
def test_pinned_versions_are_supported(text):
    """The check accepts the versions that pip installs."""
    supported = Requirement(text)
    lines = [
        line
        for name in ('runtime', 'mmcv')
        for line in (ROOT / f'requirements/{name}.txt').read_text().split('\n')
    ]
    pinned = {
        requirement.name: requirement.specifier
        for requirement in map(
            Requirement, (line for line in lines if line and line[0] != '#')
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
