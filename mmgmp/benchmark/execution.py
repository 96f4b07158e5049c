# Copyright (c) mmgmp authors.
"""Execute a run: train, select checkpoints, test, and describe the result."""

import json
import logging
import os
import resource
import subprocess
import traceback
import uuid
from pathlib import Path

import torch
from filelock import FileLock
from mmaction.registry import DATASETS
from mmengine.config import Config
from mmengine.logging import print_log

from mmgmp.apis.train_and_test import train_and_test
from mmgmp.datasets.wrappers import dataset_leaves
from mmgmp.engine.hooks.target_history_hook import TargetHistoryHook
from mmgmp.registry import register_all_modules
from mmgmp.utils.atomic_local_backend import AtomicLocalBackend
from mmgmp.utils.work_dir import LAST, SUMMARY
from mmgmp.version import __version__

from .attempt import choose_folder, find_start, remove_checkpoints
from .run import PARTS, Run, digest
from .selection import select_rows

PACKAGE = Path(__file__).parents[1]
RESULT = 'rows.json'
STATES = {'finished', 'failed'}
# Mebibytes per unit of `ru_maxrss` on Linux.
MIB_PER_KIB = 1 / 1024


def execute(run: Run, work_dir: str, keep_checkpoints: bool) -> list[dict]:
    """Train, select checkpoints by each rule, and test.

    A file lock lets only one process at a time use the work dir: a second
        process waits and returns the result of the first. ``rows.json`` in
        the work dir contains the result; its existence means that the run has
        ended.

    A run that was interrupted or has failed goes on from its last good
        checkpoint: only a run that finishes removes its checkpoints. If the
        code, the config or the data have changed, it starts anew in a folder
        within the work dir.

    Args:
        run: What to run.
        work_dir: Folder that no other run uses.
        keep_checkpoints: Whether to keep the checkpoints of a finished run.

    Returns:
        Rows for the results store: one for each selection rule, or one with
            the reason of a failure.
    """
    base = Path(work_dir)
    base.mkdir(parents=True, exist_ok=True)
    with FileLock(base / 'lock'):
        rows = read_result(base, run)
        if rows is not None:
            return rows
        identity = dict(run.identity, code_version=code_version())
        try:
            cfg = run.load_config()
            register_all_modules()  # the Runner, which comes later, would do
            data = dataset_version(cfg)
            parts = (identity['config_hash'], run.seed, code_hash(), data)
            folder = choose_folder(base, digest(json.dumps(parts)))
            if folder != base:
                text = 'code, config or data of an earlier attempt differ'
                print_log(f'{text}: training in {folder}', 'current')
            rows = [dict(r, dataset_version=data) for r in _train(cfg, folder)]
        except Exception as error:
            text = traceback.format_exc()
            AtomicLocalBackend().put_text(text, base / 'error.txt')
            rows = [failed_row(f'{type(error).__name__}: {error}')]
        rows = [dict(identity, **row) for row in rows]
        text = json.dumps(rows, indent=1)
        AtomicLocalBackend().put_text(text, base / RESULT)
        if rows[0]['state'] == 'finished' and not keep_checkpoints:
            remove_checkpoints(folder)
    return rows


def read_result(work_dir: str | Path, run: Run) -> list[dict] | None:
    """Read the rows that :func:`execute` wrote.

    Args:
        work_dir: Work dir of the run.
        run: The run.

    Returns:
        The rows; None before the run ends, or if they are those of another
        config, because the file of the config changed after the plan was
        read.

    Raises:
        ValueError: The file does not contain rows.
    """
    result = Path(work_dir, RESULT)
    if not result.is_file():
        return None
    try:
        rows = json.loads(result.read_text())
        keys = {(row['config_hash'], row['seed']) for row in rows}
        known = {row['state'] for row in rows} <= STATES
    except (ValueError, KeyError, TypeError):
        keys, known = set(), False
    if not keys or not known:
        raise ValueError(
            f'{result} does not contain the rows of a run: delete it to '
            'repeat the run'
        )
    return rows if keys == {(run.identity['config_hash'], run.seed)} else None


def forget_result(work_dir: str | Path) -> None:
    """Delete the result, so that :func:`execute` goes on with the run."""
    Path(work_dir, RESULT).unlink(missing_ok=True)


def failed_row(reason: str) -> dict:
    """Describe a run without a result.

    Args:
        reason: Reason of the failure; the row has its first 300 characters on
            one line.

    Returns:
        ``state``, ``selection`` (empty) and ``reason``.
    """
    reason = ' '.join(reason.split())[:300]
    return dict(state='failed', selection='', reason=reason)


def dataset_version(cfg: Config) -> str:
    """Hash the samples of the training, validation and test datasets.

    The hash covers the path of each sample below ``data_root``, the size of
    its video in bytes, its label, its domain and its part of the file, if it
    is not the whole. It changes if a split
    changes, or if a file is missing or replaced.

    Args:
        cfg: Config of a run. This builds its datasets.

    Returns:
        12 hexadecimal digits.
    """
    lines = []
    for part in PARTS:
        dataset = DATASETS.build(cfg[f'{part}_dataloader'].dataset)
        for leaf in dataset_leaves(dataset):
            leaf.full_init()
            for index in range(len(leaf)):
                sample = leaf.get_data_info(index)
                values: list[object] = [part]
                path = sample.get('filename') or sample.get('frame_dir')
                if path:
                    size = os.path.getsize(path) if os.path.isfile(path) else 0
                    values += [os.path.relpath(path, leaf.data_root), size]
                values += [sample.get('label'), sample.get('domain_name')]
                # Parts of one file.
                for key in ('clip_start', 'clip_stop'):
                    if key in sample:
                        values.append(f'{key}={sample[key]}')
                lines.append(' '.join(map(str, values)))
    return digest('\n'.join(lines))


def code_hash() -> str:
    """Hash the code of the package, also without a git repository.

    Returns:
        12 hexadecimal digits.
    """
    files = sorted(PACKAGE.rglob('*.py'))
    return digest(
        '\n'.join(
            f'{path.relative_to(PACKAGE)} {digest(path.read_text("utf-8"))}'
            for path in files
        )
    )


def code_version() -> str:
    """Get the version of the package, with its commit in a git repository.

    Returns:
        For example ``0.1.0+f931c8b``, followed by ``.dirty`` if tracked files
        of the package or its configs differ from the commit.
    """
    root = PACKAGE.parent
    commit = _git('rev-parse', '--short', 'HEAD')
    if commit is None or not (root / '.git').exists():
        return __version__
    changed = _git('status', '--porcelain', '-uno', 'mmgmp', 'configs')
    return f'{__version__}+{commit}{".dirty" if changed else ""}'


def _train(cfg: Config, folder: Path) -> list[dict]:
    """Train, and return the rows without the columns that identify the run."""
    cfg.work_dir = str(folder)
    # Runs with the same name in one process would share a message hub and a
    # log.
    cfg.experiment_name = f'{folder.name}_{uuid.uuid4().hex}'
    cfg.launcher = 'none'
    start = find_start(folder)
    if start.note:
        print_log(start.note, 'current', logging.WARNING)
    cfg.resume = start.checkpoint is not None
    if cfg.resume:
        cfg.load_from = str(start.checkpoint)
    else:
        # An earlier attempt has left them, and training refuses such a folder.
        for name in (LAST, SUMMARY, TargetHistoryHook.filename):
            (folder / name).unlink(missing_ok=True)
    cfg.custom_hooks = [
        *(cfg.get('custom_hooks') or ()),
        dict(type='CheckInvalidLossHook'),
        dict(type='TargetHistoryHook'),
    ]
    summary = train_and_test(cfg)
    history = json.loads((folder / TargetHistoryHook.filename).read_text())
    if torch.cuda.is_available():
        peak_memory = torch.cuda.max_memory_allocated() / 2**20
    else:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        peak_memory = usage.ru_maxrss * MIB_PER_KIB
    common = dict(
        sources='+'.join(summary['sources']),
        state='finished',
        reason=start.note,
        seconds=max(record['seconds'] for record in history.values()),
        peak_memory_mb=round(peak_memory),
    )
    rows = select_rows(history, summary['selected_iter'])
    return [dict(common, **row) for row in rows]


def _git(*arguments: str) -> str | None:
    """Run git in the repository of the package; return None if it fails."""
    try:
        return subprocess.run(
            ['git', '-C', str(PACKAGE.parent), *arguments],
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
