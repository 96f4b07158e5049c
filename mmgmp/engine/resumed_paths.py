# Copyright (c) mmgmp authors.
"""Paths of checkpoints in the message hub of a resumed run."""

import os.path as osp
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import MessageHub
from mmengine.runner import Runner

from mmgmp.utils.atomic_local_backend import AtomicLocalBackend
from mmgmp.utils.checkpoints import read_checkpoint
from mmgmp.utils.work_dir import same_path

# Entry of the message hub: paths of the checkpoints that a new one replaces.
OUTDATED = 'outdated_ckpts'
BEST, SCORE = 'best_ckpt', 'best_score'


def take_over(runner: Runner, folder: str) -> None:
    """Let the paths of a resumed run refer to its own folder.

    They are those of the folder where the files were written. Since then it
    may have been moved or copied, or it belongs to another run. In that case,
    this copies the best checkpoint, and forgets all others, so that the run
    never removes files of another one. If the best checkpoint is gone, a
    warning says so, and selection starts anew.

    Args:
        runner: Runner that has resumed from a checkpoint.
        folder: Folder of its checkpoints.
    """
    source = runner._load_from
    if source is None or '://' in source:
        return
    hub = runner.message_hub
    info = hub.runtime_info
    if 'last_ckpt' in info:
        info['last_ckpt'] = _inside(folder, info['last_ckpt'])
    if same_path(osp.dirname(source) or '.', folder):
        if OUTDATED in info:
            info[OUTDATED] = [_inside(folder, p) for p in info[OUTDATED]]
    else:
        hub.pop_info('keep_ckpt_ids', None)
        hub.pop_info(OUTDATED, None)
    for key in [key for key in info if key.startswith(BEST)]:
        stored, score = info[key], SCORE + key.removeprefix(BEST)
        found: list[str | None] = [None]
        if is_main_process():
            found = [_bring(stored, source, folder, hub, score)]
        broadcast_object_list(found)
        info[key] = found[0]
        if found[0] is None:
            hub.pop_info(key)
            hub.pop_info(score, None)
            runner.logger.warning(
                f'The best checkpoint up to {source}, '
                f'{osp.basename(stored)}, is neither beside it nor in '
                f'{osp.dirname(stored)}: the best one is selected only from '
                'the validations from now on'
            )


def _bring(
    stored: str, source: str, folder: str, hub: MessageHub, score: str
) -> str | None:
    """Find a best checkpoint, and copy it if it is in another folder."""
    own = _inside(folder, stored)
    beside = (
        _inside(osp.dirname(path), stored)
        for path in (source, osp.realpath(source))
    )
    for path in (*beside, stored):
        if not osp.isfile(path):
            continue
        # A file of this name may be of another run.
        logs = read_checkpoint(path).get('message_hub', {})
        scores = logs.get('runtime_info', {}).get(score), hub.get_info(score)
        if not np.array_equal(*map(_to_cpu, scores)):
            continue
        if same_path(path, own):
            return own
        if not osp.lexists(own):
            AtomicLocalBackend().put(Path(path).read_bytes(), own)
            return own
    return None


def _to_cpu(score: Any) -> Any:
    return score.cpu() if isinstance(score, torch.Tensor) else score


def _inside(folder: str, path: str) -> str:
    """Return the path of a file of the same name in a folder."""
    return osp.join(folder, osp.basename(path))
