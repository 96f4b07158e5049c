# Copyright (c) mmgmp authors.
"""Where a run trains, and the checkpoint from which it goes on."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import torch

from mmgmp.engine.hooks.target_history_hook import TargetHistoryHook
from mmgmp.engine.resumed_paths import OUTDATED
from mmgmp.utils.atomic_local_backend import AtomicLocalBackend
from mmgmp.utils.checkpoints import CheckpointError, clear_errors
from mmgmp.utils.work_dir import COMPLETE, LAST, SELECTED

RECORD = 'attempt.json'
UNUSABLE = '.unusable'
# Parts of a checkpoint from which training can go on.
PARTS = ('meta', 'state_dict', 'optimizer', 'message_hub')


class Start(NamedTuple):
    """How a run starts.

    Attributes:
        checkpoint: Checkpoint from which it goes on; None to start anew.
        note: What was wrong with newer checkpoints; empty if nothing.
    """

    checkpoint: Path | None
    note: str


def choose_folder(work_dir: Path, version: str) -> Path:
    """Choose the folder in which a run trains.

    Args:
        work_dir: Work dir of the run.
        version: Hash of everything that the result depends on.

    Returns:
        The work dir, or a folder in it if the work dir has an attempt of
        another version, such as that of older code. Its files are kept.
    """
    record = work_dir / RECORD
    if not record.exists():
        text = json.dumps(dict(version=version)) + '\n'
        AtomicLocalBackend().put_text(text, record)
        return work_dir
    try:
        known = json.loads(record.read_text())['version']
    except (ValueError, KeyError, TypeError):
        known = None
    if known == version:
        return work_dir
    folder = work_dir / f'version_{version}'
    folder.mkdir(exist_ok=True)
    return folder


def find_start(folder: Path) -> Start:
    """Find the last checkpoint from which training can go on.

    A checkpoint that cannot be read, has weights that are not finite, or whose
    best checkpoint or history of validations is lost, is renamed to
    ``*.unusable``. Files of other names are left alone.

    Args:
        folder: Folder in which the run trains.

    Returns:
        The checkpoint and a note.

    Raises:
        OSError: A file cannot be read because of the system. It may still be
            good, so nothing is renamed.
    """
    found = [p for p in folder.iterdir() if COMPLETE.fullmatch(p.name)]
    faults: list[str] = []
    for path in sorted(found, key=_number, reverse=True):
        fault = _find_fault(path, folder)
        if fault is None:
            note = ''
            if faults:
                note = f'{"; ".join(faults)}: went on from {path.name}'
            return Start(path, note)
        faults.append(f'{path.name} {fault}')
        _set_aside(path)
    if not faults:
        return Start(None, '')
    for path in [*folder.iterdir()]:
        if SELECTED.fullmatch(path.name):
            _set_aside(path)
    return Start(None, f'{"; ".join(faults)}: started anew')


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a run that has finished, but no other files.

    Args:
        folder: Folder in which the run trained.
    """
    for path in [*folder.iterdir()]:
        name = path.name.removesuffix(UNUSABLE)
        if (
            name == LAST
            or COMPLETE.fullmatch(name)
            or SELECTED.fullmatch(name)
        ):
            path.unlink()


def _set_aside(path: Path) -> None:
    path.rename(path.with_name(f'{path.name}{UNUSABLE}'))


def _number(path: Path) -> tuple[int, int]:
    numbers = re.findall(r'\d+', path.stem)
    return int(numbers[-1]) if numbers else -1, path.stat().st_mtime_ns


def _find_fault(path: Path, folder: Path) -> str | None:
    """Say why training cannot go on from a checkpoint; None if it can."""
    checkpoint = _read(path)
    if not isinstance(checkpoint, dict) or not {*PARTS} <= {*checkpoint}:
        return 'is not a complete checkpoint'
    for tensor in checkpoint['state_dict'].values():
        if torch.is_tensor(tensor) and not tensor.isfinite().all():
            return 'has weights that are not finite'
    info = checkpoint['message_hub'].get('runtime_info', {})
    for key, best in info.items():
        if key.startswith('best_ckpt') and best is not None:
            # The stored path is that before the work dir was moved.
            selected = folder / Path(best).name
            if not selected.is_file():
                return f'lacks its best checkpoint {selected.name}'
            if not isinstance(_read(selected), dict):
                return f'has a damaged best checkpoint {selected.name}'
    validated = info.get('last_validated_iter')
    # A stock CheckpointHook neither stores that a validation is complete, nor
    # repeats one that was interrupted.
    if validated is None and OUTDATED not in info:
        validated = checkpoint['meta'].get('iter')
    if validated is not None and str(validated) not in _history(folder):
        return f'lacks its validations in {TargetHistoryHook.filename}'
    return None


def _read(path: Path) -> object:
    """Read a checkpoint; return None if its content is damaged.

    Raises:
        OSError: The system cannot read the file, which may be good.
    """
    try:
        with clear_errors(path):
            return torch.load(path, map_location='cpu', weights_only=True)
    except CheckpointError:
        return None


def _history(folder: Path) -> dict:
    try:
        text = (folder / TargetHistoryHook.filename).read_text()
        history = json.loads(text)
    except (FileNotFoundError, ValueError):
        return {}
    return history if isinstance(history, dict) else {}
