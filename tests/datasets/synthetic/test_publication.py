# Copyright (c) mmgmp authors.
"""MiniHAC is generated in any kind of folder, and by several processes."""

import os
import signal
import stat
import threading

import pytest

from mmgmp.datasets.synthetic import MiniHACSpec, generator
from mmgmp.datasets.synthetic.generator import generate_mini_hac, is_complete
from tests.utils.killable import start

SPEC = MiniHACSpec(
    train_clips=1, test_clips=1, size=32, min_seconds=0.5, max_seconds=0.6
)
NAMES = ['HAC_Splits', 'animal', 'cartoon', 'human', 'mini_hac.json']


@pytest.fixture
def quick(monkeypatch):
    """Write no clips."""
    monkeypatch.setattr(generator, 'track_progress_rich', lambda *a, **k: None)


def names(folder):
    return sorted(os.listdir(folder))


@pytest.mark.parametrize(
    'root', ['absent', 'a/b', 'empty', 'link', 'broken link', '.']
)
def test_kinds_of_folders(tmp_path, monkeypatch, quick, root):
    inside = tmp_path / 'inside'
    inside.mkdir()
    monkeypatch.chdir(inside)
    (inside / 'empty').mkdir() if root == 'empty' else None
    if 'link' in root:
        (tmp_path / 'goal').mkdir() if root == 'link' else None
        (inside / root).symlink_to('../goal')
    generate_mini_hac(root, SPEC)
    assert names(root) == NAMES
    assert is_complete(root, SPEC) and is_complete(inside / root, SPEC)
    if 'link' in root:
        assert (inside / root).is_symlink()
        assert names(tmp_path) == ['goal', 'inside']
    if root != '.':
        assert names(inside) == [root.split('/')[0]]
    assert generate_mini_hac(root, SPEC).samefile(inside / root)


def test_mount_point(tmp_path, monkeypatch, quick):
    # It can neither be renamed nor replaced, and has a folder of the system.
    root = tmp_path / 'a'
    (root / 'lost+found').mkdir(parents=True)
    rename = os.rename

    def refuse(source, target, **kwargs):
        assert str(target) != str(root)
        rename(source, target, **kwargs)

    monkeypatch.setattr(os, 'rename', refuse)
    generate_mini_hac(root, SPEC)
    assert names(root) == [*NAMES[:4], 'lost+found', NAMES[4]]
    assert is_complete(root, SPEC)


@pytest.mark.parametrize('mask', [0o022, 0o002, 0o077])
def test_permissions_follow_the_umask(tmp_path, mask):
    old = os.umask(mask)
    try:
        root = generate_mini_hac(tmp_path / 'a', SPEC, workers=1)
    finally:
        os.umask(old)
    for path in (root, *root.rglob('*')):
        full = 0o777 if path.is_dir() else 0o666
        assert stat.S_IMODE(path.stat().st_mode) == full & ~mask, path


def test_folder_that_cannot_be_written(tmp_path, monkeypatch, quick):
    (tmp_path / 'file').touch()
    with pytest.raises(ValueError, match='a cannot be written: .*choose'):
        generate_mini_hac(tmp_path / 'file/a', SPEC)
    with pytest.raises(FileExistsError, match='not a MiniHAC data set'):
        generate_mini_hac(tmp_path / 'file', SPEC)
    (tmp_path / 'b').mkdir()
    (tmp_path / 'b/mini_hac.json').write_text('[1')
    with pytest.raises(ValueError, match='b/mini_hac.json is not the file'):
        generate_mini_hac(tmp_path / 'b', SPEC)


def _generate(root, path):
    """Tell the parent that some clips are there, and wait to be killed."""

    def wait(*args, **kwargs):
        path.touch()
        signal.pause()

    generator.track_progress_rich = wait
    generate_mini_hac(root, SPEC)


@pytest.mark.parametrize('exists', [True, False])
@pytest.mark.slow
def test_rest_of_a_killed_run_is_removed(tmp_path, monkeypatch, quick, exists):
    root, flag = tmp_path / 'data/a', tmp_path / 'flag'
    (root if exists else root.parent).mkdir(parents=True)
    (root.parent / '.a.partial-of-mine').mkdir()
    process = start(_generate, root, flag)
    try:
        while not flag.exists():
            assert process.is_alive()
            process.join(0.02)
        parent = root if exists else root.parent
        (lock,) = parent.glob('.a.partial-*/.generator')
        left = lock.parent
        assert (left / 'human/videos').is_dir()
        assert not is_complete(root, SPEC)
        # While its process lives, the folder stays.
        generate_mini_hac(root, SPEC)
        assert left.exists()
    finally:
        process.kill()
        process.join()
    generate_mini_hac(root, SPEC)
    assert not left.exists()
    assert names(root.parent) == ['.a.partial-of-mine', 'a']
    assert names(root) == NAMES


def test_run_that_was_killed_while_moving_is_finished(tmp_path, quick):
    root = generate_mini_hac(tmp_path / 'a', SPEC)
    left = root / '.a.partial-01234567'
    left.mkdir()
    (left / '.generator').touch()
    for name in ('human', 'mini_hac.json'):
        (root / name).rename(left / name)
    with pytest.raises(FileExistsError):
        is_complete(root, SPEC)
    generate_mini_hac(root, SPEC)
    assert names(root) == NAMES


@pytest.mark.parametrize('exists', [True, False])
def test_two_generators_at_once(tmp_path, monkeypatch, exists):
    root = tmp_path / 'a'
    if exists:
        root.mkdir()
    both = threading.Barrier(2)
    monkeypatch.setattr(
        generator, 'track_progress_rich', lambda *a, **k: both.wait(20)
    )
    errors = []

    def run():
        try:
            generate_mini_hac(root, SPEC)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert names(root) == NAMES
    assert names(tmp_path) == ['a']
