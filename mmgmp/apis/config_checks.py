# Copyright (c) mmgmp authors.
"""Find mistakes in a config before a model is built or data are read."""

import inspect
import math
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from numbers import Real
from pathlib import Path
from types import NoneType, UnionType
from typing import get_args

from mmaction.registry import OPTIMIZERS
from mmengine.config import Config
from torch.optim import Optimizer

from mmgmp.utils.config_types import find_types, walk
from mmgmp.utils.mistakes import registered_types, suggest

from .file_checks import (
    check_data_files,
    check_file,
    check_folder,
    check_pretrained,
)
from .tracking import check_trackers

# Key -> type, and least value of a number.
RULES = {
    'train_cfg.max_epochs': (int, 1),
    'train_cfg.max_iters': (int, 1),
    'train_cfg.val_begin': (int, 0),
    'train_cfg.val_interval': (int, 1),
    '*_dataloader.batch_size': (int, 1),
    '*_dataloader.num_workers': (int, 0),
    '*_dataloader.drop_last': (bool, None),
    '*_dataloader.persistent_workers': (bool, None),
    '*_dataloader.pin_memory': (bool, None),
    '*_dataloader.sampler.shuffle': (bool, None),
    '*_dataloader.sampler.seed': (int, None),
    'optim_wrapper.accumulative_counts': (int, 1),
    'optim_wrapper.optimizer.lr': (float, 0),
    'optim_wrapper.optimizer.weight_decay': (float, 0),
    'optim_wrapper.optimizer.momentum': (float, 0),
    'optim_wrapper.optimizer.eps': (float, 0),
    'optim_wrapper.clip_grad.max_norm': (float, 1e-30),
    'optim_wrapper.clip_grad.clip_value': (float, 1e-30),
    'optim_wrapper.paramwise_cfg.*_mult': (float, 0),
    'optim_wrapper.paramwise_cfg.custom_keys.*.*_mult': (float, 0),
    'auto_scale_lr.enable': (bool, None),
    'auto_scale_lr.base_batch_size': (int, 1),
    'param_scheduler*.by_epoch': (bool, None),
    'param_scheduler*.begin': (float, 0),
    'param_scheduler*.end': (float, 0),
    'param_scheduler*.T_max': (float, 0),
    'param_scheduler*.eta_min': (float, 0),
    'param_scheduler*.gamma': (float, 0),
    'param_scheduler*.*factor': (float, 0),
    'default_hooks.*.interval': (int, -1),
    'model.num_classes': (int, 1),
    'model.num_domains': (int, 1),
    'randomness.deterministic': (bool, None),
    'randomness.seed': (int, 0),
    'resume': (bool, None),
    'load_from': ((str, Path), None),
    'work_dir': ((str, Path), None),
}
NAMES = {
    int: 'an integer',
    float: 'a number',
    bool: 'True or False',
    NoneType: 'None',
    (str, Path): 'a path',
}
LEVELS = ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')
# Parts of a config with arguments of classes of mmgmp.
TYPED = ('model', 'optim_wrapper', 'default_hooks', 'custom_hooks')


def check_config(cfg: Config, parts: Sequence[str]) -> None:
    """Check what can be known from a config alone.

    Args:
        cfg: Config of a run.
        parts: Which of 'train', 'val' and 'test' the run needs. A part whose
            dataloader is None is not checked.

    Raises:
        ValueError: A value has the wrong type or is out of range, the
            validation never runs, or the work dir cannot be written. The
            message names the key.
        FileNotFoundError: A file or folder of the config does not exist.
        ImportError: The package of a visualization backend is not installed.
    """
    if not isinstance(cfg.get('model'), dict):
        raise ValueError(
            f'the config {cfg.filename} has no `model`: pass the config of a '
            'method, such as configs/gmp/gmp.py'
        )
    check_trackers(cfg)
    for path, value, rule in _ruled(cfg):
        _check_value(path, value, *rule)
    _check_names(cfg)
    for path, node in walk('', cfg.to_dict()):
        if isinstance(node, float) and math.isnan(node):
            raise ValueError(f'`{path}` is nan: set a number')
        if path.endswith('.indices') and node in (0, []):
            raise ValueError(f'`{path}` is {node}: no samples would be left')
    for path in (*TYPED, *(f'{part}_dataloader' for part in parts)):
        _check_arguments(path, cfg.get(path))
    if 'train' in parts:
        if cfg.get('train_dataloader') is None:
            raise ValueError('the config has no `train_dataloader`')
        _check_validation(cfg)
        check_pretrained(cfg)
    check_file('load_from', cfg.get('load_from'))
    for part in parts:
        check_data_files(cfg, part)
    if cfg.get('work_dir') is not None:
        check_folder('work_dir', cfg.work_dir)


def _ruled(cfg: Config) -> Iterator[tuple[str, object, tuple]]:
    """Yield each value for which there is a rule."""
    tops = {rule.split('.')[0] for rule in RULES}
    for top in cfg:
        if not any(fnmatch(top, name) for name in tops):
            continue
        for path, value in walk(top, cfg[top]):
            for pattern, rule in RULES.items():
                same_depth = pattern.count('.') == path.count('.')
                in_list = pattern.startswith('param_scheduler')
                if (same_depth or in_list) and fnmatch(path, pattern):
                    yield path, value, rule


def _check_value(
    path: str, value: object, kind: type | tuple, least: float | None
) -> None:
    if value is None:
        return
    if not has_type(value, kind):
        raise ValueError(f'`{path}` must be {NAMES[kind]}, got {value!r}')
    if least is not None and not value >= least:  # type: ignore[operator]
        limit = f'at least {least}' if least in (-1, 0, 1) else 'above 0'
        raise ValueError(f'`{path}` must be {limit}, got {value!r}')


def has_type(value: object, kind: type | tuple) -> bool:
    """Check a type, where True is not a number, and 1 is also a float.

    Args:
        value: The value.
        kind: int, float, bool, or other types.

    Example:
        >>> has_type(1, float), has_type(True, int), has_type(2.5, int)
        (True, False, False)
    """
    if kind in (int, float):
        numbers = int if kind is int else Real
        return isinstance(value, numbers) and not isinstance(value, bool)
    return isinstance(value, kind)


def _check_names(cfg: Config) -> None:
    """Check a few values that have a small range."""
    level = cfg.get('log_level', 'INFO')
    if level not in LEVELS:
        raise ValueError(f'`log_level` must be one of {LEVELS}, got {level!r}')
    optimizer = (cfg.get('optim_wrapper') or {}).get('optimizer') or {}
    type_ = optimizer.get('type')
    if isinstance(type_, str) and OPTIMIZERS.get(type_) is None:
        raise ValueError(
            f'`optim_wrapper.optimizer.type`: there is no optimizer {type_!r}'
            + suggest(type_, registered_types(OPTIMIZERS))
        )
    _check_clipping((cfg.get('optim_wrapper') or {}).get('clip_grad'))
    seed = (cfg.get('randomness') or {}).get('seed')
    if seed is not None and seed >= 2**32:
        raise ValueError(
            f'`randomness.seed` must be below 2**32, got {seed} (NumPy and '
            'the samplers take no larger one)'
        )


def _check_clipping(clip: object) -> None:
    """Check that there is a limit, which is read after the first step."""
    if not isinstance(clip, dict):
        return
    limits = dict(norm='max_norm', value='clip_value')
    limit = limits.get(clip.get('type', 'norm'))
    if limit and clip.get(limit) is None:
        raise ValueError(
            f'`optim_wrapper.clip_grad` is {dict(clip)}, without a limit: set '
            f'optim_wrapper.clip_grad.{limit}'
        )


def _check_arguments(path: str, node: object) -> None:
    """Check numbers and flags among the arguments of classes."""
    for key, value in walk(path, node):
        if not isinstance(value, dict) or 'type' not in value:
            continue
        for cls in find_types(value['type']):
            for name, kinds in _expected(cls).items():
                if name in value and not any(
                    has_type(value[name], kind) for kind in kinds
                ):
                    names = [NAMES[kind] for kind in kinds]
                    raise ValueError(
                        f'`{key}.{name}` must be {" or ".join(names)}, got '
                        f'{value[name]!r}'
                    )


def _expected(cls: object) -> dict[str, tuple[type, ...]]:
    """Find the arguments that can only be numbers, flags or None.

    Only those of mmgmp, by their annotations, and those of optimizers, by
    their default values.
    """
    ours = getattr(cls, '__module__', '').startswith('mmgmp.')
    optimizer = inspect.isclass(cls) and issubclass(cls, Optimizer)
    expected: dict[str, tuple[type, ...]] = {}
    for base in inspect.getmro(cls) if inspect.isclass(cls) else ():
        init = vars(base).get('__init__')
        if not inspect.isfunction(init) or not (ours or optimizer):
            continue
        for name, parameter in inspect.signature(init).parameters.items():
            hint = parameter.annotation
            kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
            if optimizer:
                is_number = has_type(parameter.default, float)
                kinds = (float,) if is_number else ()
            if kinds and {*kinds} <= {int, float, bool, NoneType}:
                expected.setdefault(name, kinds)
    return expected


def _check_validation(cfg: Config) -> None:
    """Check that there is a validation before the training ends."""
    loop = cfg.get('train_cfg') or {}
    begin = loop.get('val_begin', 1)
    for key in ('max_epochs', 'max_iters'):
        end = loop.get(key)
        if end is not None and cfg.get('val_dataloader') and begin > end:
            raise ValueError(
                f'`train_cfg.val_begin` is {begin}, after the end of training '
                f'(`train_cfg.{key}` is {end}), so no checkpoint would be '
                f'validated: set train_cfg.val_begin={end} or less, or train '
                'with --no-validate'
            )
