# Copyright (c) mmgmp authors.
"""Overrides of a config, refused if they would have no effect."""

import copy
import inspect
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.runner import (
    EpochBasedTrainLoop,
    IterBasedTrainLoop,
    Runner,
    TestLoop,
    ValLoop,
    set_random_seed,
)
from torch.utils.data import DataLoader

from mmgmp.utils.config_types import find_types
from mmgmp.utils.suggestion import suggest

RUNNER = inspect.signature(Runner).parameters
# What the benchmark itself sets in each run.
OWN = {
    'cfg': '',
    'experiment_name': '',
    'launcher': '--cluster',
    'randomness.seed': '`seeds`',
    'resume': '',
    'work_dir': '--work-dir',
}
LOADER = dict.fromkeys(
    (
        'dataset',
        'sampler',
        'batch_sampler',
        'collate_fn',
        'num_batch_per_epoch',
    )
)
# Similarity above which a new name is taken for a misspelt one.
MISSPELT = 0.85
# Settings without a `type` -> what reads them, and further keys.
UNTYPED: dict[str, tuple[tuple[Callable, ...], Iterable[str]]] = {
    'train_dataloader': ((DataLoader,), LOADER),
    'val_dataloader': ((DataLoader,), LOADER),
    'test_dataloader': ((DataLoader,), LOADER),
    'train_cfg': ((EpochBasedTrainLoop, IterBasedTrainLoop), ['by_epoch']),
    'val_cfg': ((ValLoop,), ['fp16']),
    'test_cfg': ((TestLoop,), ['fp16']),
    'optim_wrapper': (
        (OptimWrapper,),
        ['constructor', 'paramwise_cfg', 'type'],
    ),
    'randomness': ((set_random_seed,), []),
    'env_cfg': (
        (),
        ['cudnn_benchmark', 'dist_cfg', 'mp_cfg', 'resource_limit', 'setting'],
    ),
}
# Keys that the builders of MMEngine read, in a dict with a `type`.
BUILDER_KEYS = {
    'type',
    '_scope_',
    '_delete_',
    'by_epoch',
    'constructor',
    'convert_to_iter_based',
    'init_cfg',
    'paramwise_cfg',
    'priority',
}


def apply_overrides(cfg: Config, overrides: dict, source: str) -> None:
    """Replace settings of a config, in place.

    A key must exist in the config, or must be an argument of what the config
    builds there. MMEngine would add a misspelt key, which then has no effect.

    Args:
        cfg: The config.
        overrides: Dotted key -> value. A part of a key that is a number is
            the index of a list; a mapping is merged into that of the config.
        source: File of the config, for errors.

    Raises:
        ValueError: A key reaches nothing in the config, two of them set the
            same thing, or the benchmark sets it itself.
    """
    _check_overlap(overrides)
    new = [
        path
        for key, value in overrides.items()
        for path in _new_paths(cfg, (), tuple(key.split('.')), value, source)
    ]
    try:
        # MMEngine changes the mappings that it merges.
        cfg.merge_from_dict(copy.deepcopy(overrides))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f'overrides {list(overrides)} cannot be merged into {source}: '
            f'{" ".join(str(error).split())[:200]}'
        ) from error
    for key in overrides:
        top = key.partition('.')[0]
        if top not in RUNNER:
            raise ValueError(
                f'override {key!r} has no effect: {source} only computes '
                f'other settings from {top!r}. Override those, or set a '
                'variable'
            )
    # An override may also set the type that reads another one.
    for path in new:
        _check_argument(cfg, path, source)


def _check_overlap(overrides: dict) -> None:
    """Refuse keys within each other: the order would decide."""
    for key in overrides:
        for other in overrides:
            if other.startswith(f'{key}.'):
                raise ValueError(
                    f'overrides set both {key!r} and {other!r} in it: write '
                    'them as one mapping, or each with its own key'
                )


def _new_paths(
    node: Any,
    done: tuple[str, ...],
    rest: tuple[str, ...],
    value: object,
    source: str,
) -> Iterator[tuple[str, ...]]:
    """Follow an override, also through the keys of its own mappings.

    Yields:
        Paths whose last part the config does not have.

    Raises:
        ValueError: Another part of a path does not exist.
    """
    path, part = (*done, rest[0]), rest[0]
    place = '.'.join(path)
    if place in OWN:
        option = OWN[place] and f': use {OWN[place]}'
        raise ValueError(
            f'override {place!r} has no effect, because the benchmark sets it '
            f'for each run{option}'
        )
    key = '.'.join((*done, *rest))
    if not _has(node, part):
        is_argument = not done and part in RUNNER
        if (
            not (done or is_argument)
            or len(rest) > 1
            or not part
            or not isinstance(node, dict | Config)
        ):
            options = [*node] if isinstance(node, dict | Config) else []
            options = options if done else [*RUNNER]
            raise ValueError(
                f'override {key!r}: {source} has no {place!r} to change'
                f'{suggest(part, options)}'
            )
        yield path
        return
    if isinstance(node, list):
        child = node[int(part)]
        if len(rest) == 1 and not isinstance(value, dict):
            raise ValueError(
                f'override {key!r}: MMEngine cannot replace one value of the '
                f'list {".".join(done)!r}: give the whole list'
            )
    else:
        child = node[part]
    if len(rest) > 1:
        yield from _new_paths(child, path, rest[1:], value, source)
    elif isinstance(value, dict) and not value.get('_delete_'):
        for inner in value:
            if isinstance(child, dict | list):
                yield from _new_paths(
                    child, path, (str(inner),), value[inner], source
                )


def _has(node: object, part: str) -> bool:
    if isinstance(node, list):
        return part.isascii() and part.isdigit() and int(part) < len(node)
    return isinstance(node, dict | Config) and part in node


def _check_argument(cfg: Config, path: tuple[str, ...], source: str) -> None:
    """Check that a new key is an argument of what is built there."""
    node: Any = cfg
    for part in path[:-1]:
        node = node[int(part) if isinstance(node, list) else part]
    if not isinstance(node, dict):
        return
    known, is_complete = _arguments(node, '.'.join(path[:-1]))
    if path[-1] in known:
        return
    # Beyond `**kwargs`, only a key that looks misspelt is refused.
    if is_complete or get_close_matches(path[-1], known, 1, MISSPELT):
        what = node.get('type', path[-2])
        raise ValueError(
            f'override {".".join(path)!r}: {source} has no such setting, and '
            f'{what} has no argument {path[-1]!r}'
            f'{suggest(path[-1], {*known, *node} - {path[-1]})}'
        )


def _arguments(node: dict, place: str) -> tuple[set[str], bool]:
    """Find the arguments of what is built from a dict, and if it is all."""
    types: tuple[Callable, ...] = ()
    if 'type' in node:
        types = tuple(find_types(node['type']))
        arguments = {*BUILDER_KEYS}
        is_complete = bool(types)
    elif place in UNTYPED:
        types, keys = UNTYPED[place]
        arguments = {*keys}
        is_complete = True
    else:
        return set(), False
    if place == 'optim_wrapper':
        arguments.add('optimizer')
    for type_ in types:
        names, is_all = _signature(type_)
        arguments |= names
        is_complete &= is_all
    return arguments, is_complete


def _signature(type_: Callable) -> tuple[set[str], bool]:
    """Collect the arguments of a type and, for ``**kwargs``, of its bases."""
    names: set[str] = set()
    functions = [type_]
    if inspect.isclass(type_):
        functions = [
            vars(base)['__init__']
            for base in type_.__mro__
            if '__init__' in vars(base) and base is not object
        ]
    for function in functions:
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            return names, False
        names |= {p.name for p in parameters if p.kind != p.VAR_KEYWORD}
        if all(p.kind != p.VAR_KEYWORD for p in parameters):
            return names, True
    return names, not functions
