# Copyright (c) mmgmp authors.
"""Versions of the data and the code of a run."""

import subprocess
from pathlib import Path

import pytest
from mmengine.config import Config

from mmgmp.benchmark import execution
from mmgmp.benchmark.execution import code_hash, code_version, dataset_version
from mmgmp.version import __version__
from tests.utils import counting_toy
from tests.utils.leaves import read_leaf


def version_of(**changes):
    cfg = Config(counting_toy.settings())
    cfg.merge_from_dict(changes)
    return dataset_version(cfg)


def test_dataset_version_depends_on_the_samples():
    assert version_of() == version_of()
    rows = counting_toy.SOURCE[::-1]
    versions = {
        version_of(),
        version_of(**{'train_dataloader.dataset.rows': rows}),
        version_of(**{'val_dataloader.dataset.rows': rows}),
        version_of(**{'test_dataloader.dataset.rows': rows[1:]}),
        version_of(**{'test_dataloader.dataset.domains': ['animal']}),
    }
    assert len(versions) == 5


def test_dataset_version_depends_on_the_files(tiny_mini_hac, tmp_path):
    cfg = read_leaf('erm')
    cfg.merge_from_dict(tiny_mini_hac)
    root = Path(cfg.test_dataloader.dataset.data_root)
    expected = dataset_version(cfg)
    copy = tmp_path / 'copy'
    subprocess.run(['cp', '-r', root, copy], check=True)
    for part in ('train', 'val', 'test'):
        cfg[f'{part}_dataloader'].dataset.data_root = str(copy)
    assert dataset_version(cfg) == expected
    clip = next(copy.glob('cartoon/videos/*.mp4'))
    clip.write_bytes(clip.read_bytes() + b'0')
    assert dataset_version(cfg) != expected


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A folder with a package like this one, not yet under git."""
    package = tmp_path / 'mmgmp'
    package.mkdir()
    for path in (package / 'a.py', tmp_path / 'other.py'):
        path.write_text('1')
    monkeypatch.setattr(execution, 'PACKAGE', package)
    yield tmp_path


def git(folder, *arguments):
    identity = ('-c', 'user.name=a', '-c', 'user.email=a@b.c')
    subprocess.run(
        ['git', '-C', folder, *identity, *arguments],
        check=True,
        capture_output=True,
    )


def test_code_version(repository):
    assert code_version() == __version__
    git(repository, 'init')
    git(repository, 'add', '.')
    git(repository, 'commit', '-m', 'first')
    version = code_version()
    assert version.startswith(f'{__version__}+')
    commit = version.removeprefix(f'{__version__}+')
    assert len(commit) >= 7
    assert not set(commit) - set('0123456789abcdef')
    (repository / 'other.py').write_text('2')
    (repository / 'mmgmp/new.py').write_text('2')
    assert code_version() == version
    (repository / 'mmgmp/a.py').write_text('2')
    assert code_version() == f'{version}.dirty'


def test_code_hash(repository):
    before = code_hash()
    assert code_hash() == before
    (repository / 'other.py').write_text('3')
    assert code_hash() == before
    (repository / 'mmgmp/a.py').write_text('3')
    assert code_hash() != before


def test_code_version_without_git(monkeypatch):
    monkeypatch.setenv('PATH', '')
    assert code_version() == __version__
