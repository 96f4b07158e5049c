# Copyright (c) mmgmp authors.
"""Write a folder beside or in its place, and move it there when complete.

A folder in the making has a locked file. The system releases the lock if its
process is killed; the next one then cleans up.
"""

import fcntl
import glob
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

_LOCK = '.generator'
# A process can always lock its own files, so other threads need this.
_ACTIVE: set[Path] = set()
# Present in a file system without files, if the folder is a mount point.
_OF_THE_SYSTEM = ('lost+found',)


def is_empty(root: Path) -> bool:
    """Check whether a folder has nothing but unfinished data of this module.

    Args:
        root: Existing folder, without links in its path.
    """
    return all(
        name.startswith(_prefix(root)) or name in _OF_THE_SYSTEM
        for name in os.listdir(root)
    )


@contextmanager
def unfinished_folder(root: Path) -> Iterator[Path]:
    """Make a folder to write to, and remove it at the end.

    It is in ``root`` if that exists, because a mount point cannot be replaced
    and the parent may be read-only. Otherwise it is beside ``root``. It and
    its files have the permissions of the umask.

    Args:
        root: Final folder, absent or empty, without links in its path.

    Raises:
        ValueError: If the folder cannot be made.
    """
    parent = root if root.is_dir() else root.parent
    folder = parent / f'{_prefix(root)}{uuid.uuid4().hex[:8]}'
    try:
        folder.mkdir(parents=True)
        lock = _locked_file(folder)
    except OSError as error:
        raise ValueError(
            f'{root} cannot be written: {error}; choose another folder'
        ) from error
    _ACTIVE.add(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _ACTIVE.remove(folder)
        lock.close()


def publish(
    folder: Path, root: Path, last: str, is_complete: Callable[[], bool]
) -> None:
    """Move finished data to their place, unless another process was faster.

    Args:
        folder: Result of :func:`unfinished_folder`.
        root: Final folder.
        last: Name of the file that shows that all others are there.
        is_complete: Checks whether ``root`` is complete.
    """
    if not root.exists():
        with suppress(OSError):  # another process has made `root` meanwhile
            folder.rename(root)
            (root / _LOCK).unlink()
            return
    with exclusive(root):
        names = {*os.listdir(folder)} - {_LOCK}
        if last not in names or (root / last).exists():
            is_complete()  # raises an error for foreign files
            return
        for name in sorted(names, key=lambda name: (name == last, name)):
            (folder / name).rename(root / name)


def clean_up(root: Path, last: str, is_complete: Callable[[], bool]) -> None:
    """Finish or remove what killed processes have left.

    Only folders of :func:`unfinished_folder` are touched.

    Args:
        root: Final folder, without links in its path.
        last: See :func:`publish`.
        is_complete: See :func:`publish`.
    """
    for parent in (root.parent, root):
        pattern = glob.escape(_prefix(root)) + '*'
        for folder in parent.glob(pattern):
            with suppress(OSError), open(folder / _LOCK, 'r+') as lock:
                if folder in _ACTIVE:
                    continue
                # An error means that its process is at work.
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if parent == root and (folder / last).exists():
                    publish(folder, root, last, is_complete)
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Let one process at a time check or move the files of a folder.

    Where the file system has no such locks, as some network file systems, it
    does nothing.
    """
    if not folder.is_dir():
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _prefix(root: Path) -> str:
    return f'.{root.name}.partial-'


def _locked_file(folder: Path) -> IO:
    """Make the locked file that shows that a process is at work."""
    # It gets its name when it is locked, so that nobody finds it unlocked.
    # Unlike `flock`, this lock is not inherited by worker processes, which
    # may outlive a killed one.
    lock = open(folder / f'{_LOCK}.new', 'w')  # noqa: SIM115
    with suppress(OSError):
        fcntl.lockf(lock, fcntl.LOCK_EX)
    os.rename(lock.name, folder / _LOCK)
    return lock
