# Copyright (c) mmgmp authors.
"""Whether a run can continue from a checkpoint."""

import ast
import os.path as osp
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

from mmengine.config import Config

from .checkpoints import CheckpointError, read_checkpoint
from .work_dir import (
    checkpoints_folder,
    claim_work_dir,
    newest_checkpoint,
    resumed_checkpoint,
    same_path,
)

# Settings that do not affect the result, or that a continued run may change.
FREE = re.compile(
    r'(?:load_from|resume|work_dir|launcher|experiment_name|log_level'
    r'|log_processor|visualizer|vis_backends|env_cfg|default_scope'
    r'|train_cfg\.max_(?:epochs|iters)'
    r'|\w+_dataloader\.(?:num_workers|persistent_workers|pin_memory'
    r'|prefetch_factor)|default_hooks\.logger|model_wrapper_cfg)\b.*'
)
OPTIMIZER = 'optim_wrapper.optimizer.type'


def claim_run(cfg: Config) -> ExitStack:
    """Check the checkpoint that a training resumes from, and its work dir.

    Call it before the runner is built, because the runner replaces the config
    in the work dir.

    Args:
        cfg: Config of the training.

    Returns:
        Context manager that reserves the work dir, see
        :func:`~mmgmp.utils.work_dir.claim_work_dir`.

    Raises:
        ValueError: The training cannot resume from the checkpoint, or the work
            dir has another training.
        FileNotFoundError: The checkpoint does not exist.
    """
    source = resumed_checkpoint(cfg)
    if source is not None and '://' not in source:
        check_resumable(read_checkpoint(source), source, cfg)
    _check_config_copy(cfg, is_resumed=source is not None)
    return claim_work_dir(
        cfg.work_dir,
        source,
        checkpoints_folder(cfg),
        cfg.get('launcher', 'none'),
    )


def _check_config_copy(cfg: Config, is_resumed: bool) -> None:
    """Check that the copy of the config replaces no other file."""
    if cfg.filename is None:
        return
    copy = osp.join(cfg.work_dir, osp.basename(cfg.filename))
    # A resumed run may read the copy that the first one wrote.
    if osp.islink(copy) or (same_path(copy, cfg.filename) and not is_resumed):
        raise CheckpointError(
            f'`work_dir` {cfg.work_dir} would get a copy of the config in '
            f'place of {osp.realpath(copy)}: choose another --work-dir'
        )


def check_resumable(checkpoint: Mapping, path: str, cfg: Config) -> None:
    """Check that a training can continue exactly from a checkpoint.

    Args:
        checkpoint: Content of the checkpoint.
        path: Its file.
        cfg: Config of the training.

    Raises:
        CheckpointError: The checkpoint lacks a state, or is of a run with
            another seed or optimizer, or of more epochs than the config has.
    """
    meta = checkpoint.get('meta') or {}
    needed = dict(optimizer='optimizer', message_hub='logs')
    if cfg.get('param_scheduler'):
        needed['param_schedulers'] = 'schedulers'
    lacking = [what for key, what in needed.items() if key not in checkpoint]
    if not {'epoch', 'iter'} <= meta.keys():
        lacking.append('number of epochs')
    if lacking:
        complete = newest_checkpoint(osp.dirname(path) or '.')
        raise CheckpointError(
            f'checkpoint {path} has no state of the {", ".join(lacking)}, so '
            'a training cannot resume from it: '
            + (f'resume from {complete}, or ' if complete else '')
            + 'start a new training from its weights, without --resume and '
            f'with --cfg-options load_from={path}'
        )
    seed = (cfg.get('randomness') or {}).get('seed')
    if None not in (seed, meta.get('seed')) and meta['seed'] != seed:
        raise CheckpointError(
            f'checkpoint {path} is of a run with the seed {meta["seed"]}, but '
            f'`randomness.seed` is {seed}: resume with --seed {meta["seed"]}, '
            'or start a new run in another --work-dir'
        )
    train_cfg = cfg.get('train_cfg') or {}
    for done, limit in (('epoch', 'max_epochs'), ('iter', 'max_iters')):
        if train_cfg.get(limit) and meta[done] > train_cfg[limit]:
            raise CheckpointError(
                f'checkpoint {path} has completed {done} {meta[done]}, but '
                f'`train_cfg.{limit}` is {train_cfg[limit]}: resume from an '
                'earlier checkpoint, or train longer'
            )
    changed = changed_settings(meta, cfg)
    if OPTIMIZER in changed:
        raise CheckpointError(
            f'checkpoint {path} has the state of another optimizer: `'
            f'{OPTIMIZER}` was {changed[OPTIMIZER][0]} and is '
            f'{changed[OPTIMIZER][1]}; resume with the first one'
        )


def changed_settings(meta: Mapping, cfg: Config) -> dict[str, tuple]:
    """Compare the settings of a checkpoint with those of a run.

    The text in the checkpoint is parsed, not executed.

    Args:
        meta: Entry ``meta`` of a checkpoint of MMEngine.
        cfg: Config of the run.

    Returns:
        Setting -> value in the checkpoint and in the config, as Python code.
        ``-`` stands for no value. Settings such as the work dir, the number of
        workers or the number of epochs may differ and are left out. Without
        a text in the checkpoint, the result is empty.
    """
    text = meta.get('cfg')
    if not isinstance(text, str):
        return {}
    try:
        before = dict(_settings(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    after = dict(_settings(ast.parse(cfg.pretty_text)))
    return {
        name: (before.get(name, '-'), after.get(name, '-'))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name) and not FREE.fullmatch(name)
    }


def _settings(node: ast.AST, name: str = '') -> Iterator[tuple[str, str]]:
    """Yield the names and the code of the innermost values of a config."""
    dot = f'{name}.' if name else ''
    if isinstance(node, ast.Module):
        for line in node.body:
            if isinstance(line, ast.Assign):
                yield from _settings(line.value, ast.unparse(line.targets[0]))
    elif isinstance(node, ast.Call) and not node.args and node.keywords:
        for keyword in node.keywords:
            key = f'{dot}{keyword.arg}' if keyword.arg else name
            yield from _settings(keyword.value, key)
    elif isinstance(node, ast.Dict):
        for entry, value in zip(node.keys, node.values):
            key = getattr(entry, 'value', '*')
            yield from _settings(value, f'{dot}{key}')
    elif isinstance(node, ast.List) and any(
        isinstance(item, ast.Call) for item in node.elts
    ):
        for index, item in enumerate(node.elts):
            yield from _settings(item, f'{dot}{index}')
    else:
        yield name, ast.unparse(node)
