# Copyright (c) mmgmp authors.
"""Which training a work dir belongs to."""

import fcntl
import os
import os.path as osp
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from logging import WARNING
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import get_rank, is_distributed
from mmengine.logging import print_log

from .checkpoints import CheckpointError

LOCK = '.training.lock'
SUMMARY = 'summary.json'
LAST = 'last_checkpoint'
# Checkpoints from which a training can go on, and those it has selected.
COMPLETE = re.compile(r'(?:epoch|iter)_(\d+)\.pth')
SELECTED = re.compile(r'best_.+_(?:epoch|iter)_\d+\.pth')
# Launcher -> variable with the rank of a process.
RANKS = dict(pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_RANK')
# Process and folder of each lock that is held.
_held: set[tuple[int, str]] = set()


def same_path(first: str | Path, second: str | Path) -> bool:
    """Compare paths, also through links."""
    return osp.realpath(first) == osp.realpath(second)


def newest_checkpoint(folder: str | Path) -> str | None:
    """Find the checkpoint of the most epochs or iterations in a folder."""
    numbers = {}
    if osp.isdir(folder):
        for name in os.listdir(folder):
            if match := COMPLETE.fullmatch(name):
                numbers[osp.join(folder, name)] = int(match[1])
    return max(numbers, key=numbers.__getitem__, default=None)


def latest_checkpoint(
    work_dir: str | Path, out_dir: str | None = None
) -> str | None:
    """Find the checkpoint from which a training in a work dir continues.

    ``last_checkpoint`` stores a path, which is wrong after the work dir was
    moved or copied. Therefore a file of that name in the work dir comes first.

    Args:
        work_dir: Folder of the training.
        out_dir: Folder of its checkpoints, if it is another one.

    Returns:
        Path, or None if there is no checkpoint.

    Raises:
        FileNotFoundError: The checkpoint is gone.
    """
    folders = [str(out_dir or work_dir), str(work_dir)]
    record = Path(work_dir, LAST)
    stored = record.read_text().strip() if record.is_file() else ''
    newest = next(filter(None, map(newest_checkpoint, folders)), None)
    if not stored:
        return newest
    for folder in [*folders, osp.dirname(stored)]:
        path = osp.join(folder, osp.basename(stored))
        if osp.exists(path):
            return path
    raise FileNotFoundError(
        f'checkpoint {stored} does not exist, which {record} names: '
        + (
            f'resume from {newest}, or restore the file'
            if newest
            else f'restore it, or remove {record} to start anew'
        )
    )


def checkpoints_folder(cfg: Config) -> str:
    """Return the folder of the checkpoints of a run, see CheckpointHook."""
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    out_dir = hook.get('out_dir')
    if out_dir is None or out_dir == cfg.work_dir:
        return cfg.work_dir
    return osp.join(out_dir, osp.basename(cfg.work_dir.rstrip(osp.sep)))


def resumed_checkpoint(cfg: Config) -> str | None:
    """Return the checkpoint from which the run of a config continues.

    Raises:
        FileNotFoundError: The latest checkpoint of the work dir is gone.
    """
    if not cfg.get('resume'):
        return None
    return cfg.get('load_from') or latest_checkpoint(
        cfg.work_dir, checkpoints_folder(cfg)
    )


def claim_work_dir(
    work_dir: str, source: str | None, out_dir: str, launcher: str = 'none'
) -> ExitStack:
    """Reserve a work dir for one training.

    Args:
        work_dir: Folder of the training.
        source: Checkpoint that the training resumes from, if any.
        out_dir: Folder of its checkpoints.
        launcher: Launcher of the processes. Only the first one checks.

    Returns:
        Context manager; its exit, or the end of the process, releases the
        folder.

    Raises:
        CheckpointError: The folder has results of another training, is used
            by one at this moment, or cannot be written.
    """
    stack = ExitStack()
    if _rank(launcher) != 0:
        # The first rank may have begun to write.
        return stack
    found = _results(work_dir) or _results(out_dir)
    if found and not _continues(source, work_dir, out_dir):
        can_resume = newest_checkpoint(out_dir) or osp.exists(
            osp.join(work_dir, LAST)
        )
        raise CheckpointError(
            f'`work_dir` {work_dir} already has {found} of '
            + (
                f'another training than {source}: '
                if source
                else 'a training: '
            )
            + (
                f'pass --resume{" without a file" * bool(source)} to continue '
                'it, or choose another --work-dir'
                if can_resume
                else 'choose another --work-dir, or move the file away'
            )
        )
    stack.enter_context(_lock(osp.realpath(work_dir)))
    return stack


def _continues(source: str | None, work_dir: str, out_dir: str) -> bool:
    """Check whether a checkpoint is of the training in a work dir."""
    if source is None:
        return False
    folder = osp.dirname(source) or '.'
    return (
        same_path(folder, out_dir)
        or same_path(folder, work_dir)
        # The record of the work dir names it, for example since `out_dir` was
        # changed.
        or source == latest_checkpoint(work_dir, out_dir)
    )


def _results(folder: str) -> str | None:
    """Name a result of a training in a folder."""
    names = sorted(os.listdir(folder)) if osp.isdir(folder) else []
    for name in names:
        if (
            name in (SUMMARY, LAST)
            or COMPLETE.fullmatch(name)
            or SELECTED.fullmatch(name)
        ):
            return name
    return None


def _rank(launcher: str) -> int:
    if is_distributed():
        return get_rank()
    return int(os.environ.get(RANKS.get(launcher, ''), 0))


@contextmanager
def _lock(folder: str) -> Iterator[None]:
    """Hold a lock that ends with the process at the latest."""
    key = os.getpid(), folder
    if key in _held:
        yield
        return
    path = osp.join(folder, LOCK)
    try:
        os.makedirs(folder, exist_ok=True)
        descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666
        )
    except OSError as error:
        raise CheckpointError(
            f'`work_dir` {folder} cannot be written ({error.strerror}): '
            'choose another --work-dir'
        ) from None
    with open(descriptor, 'r+') as file:
        try:
            # Unlike `flock`, this lock does not pass to the workers of a
            # dataloader, which outlive a killed training for some seconds.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            owner = file.read().strip() or 'unknown process'
            raise CheckpointError(
                f'`work_dir` {folder} is used by another training ({owner}): '
                'wait for its end, or choose another --work-dir'
            ) from None
        except OSError as error:
            print_log(
                f'{folder} cannot be locked ({error.strerror}): make sure '
                'that no other training uses it',
                logger='current',
                level=WARNING,
            )
        file.truncate()
        file.write(f'process {os.getpid()} on {socket.gethostname()}\n')
        file.flush()
        _held.add(key)
        try:
            yield
        finally:
            _held.remove(key)
