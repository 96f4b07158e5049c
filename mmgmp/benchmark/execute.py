# Copyright (c) mmgmp authors.
import json
import resource
import traceback
import uuid
from pathlib import Path

import torch
from filelock import FileLock
from mmengine.config import Config
from mmengine.runner import find_latest_checkpoint

from mmgmp.apis import train_select_test
from mmgmp.engine.hooks import TargetHistoryHook
from mmgmp.utils.atomic_local_backend import AtomicLocalBackend

from .fingerprint import code_version, dataset_version
from .run import Run
from .selection import select

RESULT = 'rows.json'
# Mebibytes per unit of `ru_maxrss` on Linux.
MIB_PER_KIB = 1 / 1024


def execute(run: Run, work_dir: str, keep_checkpoints: bool) -> list[dict]:
    """Train, select by each rule, test; or say why that failed.

    Exclusive for its work dir, also between processes that know nothing of
    each other: a second one waits and takes over the result. An interrupted
    run is resumed from its last checkpoint. The result, also in ``rows.json``
    of the work dir, ends the run for good.

    Args:
        run: What to run.
        work_dir: Its own folder.
        keep_checkpoints: Whether checkpoints stay after the run.

    Returns:
        Rows of the results store: one for each rule of selection, or the one
        of a failure.
    """
    folder = Path(work_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / 'lock'):
        rows = read_result(folder)
        if rows is not None:
            return rows
        identity = dict(run.identity(), code_version=code_version())
        try:
            rows = _train(run.load_config(), folder)
        except Exception as error:
            (folder / 'error.txt').write_text(traceback.format_exc())
            rows = [failure(f'{type(error).__name__}: {error}')]
        rows = [dict(identity, **row) for row in rows]
        AtomicLocalBackend().put_text(
            json.dumps(rows, indent=1), folder / RESULT
        )
        # A failed run that is tried again starts from the begin.
        if not keep_checkpoints or rows[0]['state'] == 'failed':
            _remove_checkpoints(folder)
    return rows


def read_result(work_dir: str | Path) -> list[dict] | None:
    """Rows that :func:`execute` has left in a work dir, if it has ended."""
    result = Path(work_dir, RESULT)
    return json.loads(result.read_text()) if result.is_file() else None


def forget_result(work_dir: str | Path) -> None:
    """Let :func:`execute` run again what it ended in a work dir."""
    Path(work_dir, RESULT).unlink(missing_ok=True)


def failure(reason: str) -> dict:
    """What a row says of a run that gave no result.

    Args:
        reason: Why, of which the first 300 characters are kept, on one line.

    Returns:
        ``state``, ``selection`` (none) and ``reason``.
    """
    reason = ' '.join(reason.split())[:300]
    return dict(state='failed', selection='', reason=reason)


def select_rows(history: dict[str, dict], selected: int) -> list[dict]:
    """One row for each rule of selection.

    Args:
        history: See :func:`mmgmp.benchmark.selection.select`.
        selected: See there.

    Returns:
        Rows with ``selection``, the rule, ``epoch`` and the metrics as
        ``source/<metric>`` and ``target/<metric>``.
    """
    rows = []
    for rule, iteration in select(history, selected).items():
        record = history[str(iteration)]
        metrics = {
            f'{part}/{name}': value
            for part in ('source', 'target')
            for name, value in record[part].items()
        }
        rows.append(dict(selection=rule, epoch=record['epoch'], **metrics))
    return rows


def _train(cfg: Config, folder: Path) -> list[dict]:
    """Rows of a run without what identifies it."""
    cfg.work_dir = str(folder)
    # Two runs of one name in one process would share log and message hub.
    cfg.experiment_name = f'{folder.name}_{uuid.uuid4().hex}'
    cfg.launcher = 'none'
    cfg.resume = find_latest_checkpoint(str(folder)) is not None
    cfg.custom_hooks = [
        *(cfg.get('custom_hooks') or ()),
        dict(type='CheckInvalidLossHook'),
        dict(type='TargetHistoryHook'),
    ]
    summary = train_select_test(cfg)
    history = json.loads((folder / TargetHistoryHook.filename).read_text())
    common = dict(
        sources='+'.join(summary['sources']),
        state='finished',
        reason='',
        seconds=max(record['seconds'] for record in history.values()),
        peak_memory_mb=round(_peak_memory()),
        dataset_version=dataset_version(cfg),
    )
    rows = select_rows(history, summary['selected_iter'])
    return [dict(common, **row) for row in rows]


def _peak_memory() -> float:
    """Mebibytes: of the GPU if there is one, else of the process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_maxrss * MIB_PER_KIB


def _remove_checkpoints(folder: Path) -> None:
    for path in folder.glob('*.pth'):
        path.unlink()
    (folder / 'last_checkpoint').unlink(missing_ok=True)
