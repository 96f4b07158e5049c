# Copyright (c) mmgmp authors.
"""Override values of a config, and refuse keys that nothing reads."""

import inspect
import logging
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmengine.utils import import_modules_from_strings

from .config_types import find_types, ignores_argument, walk
from .mistakes import suggest
from .setting import VARIABLES

# Top-level keys that the Runner reads; all others are variables of a config.
READ = {
    *(inspect.signature(Runner).parameters.keys() - {'cfg'}),
    'activation_checkpointing',
    'compile',
    'custom_imports',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'init_weights_for_test_or_val',
    'model_wrapper_cfg',
    'runner_type',
    'strategy',
    'sync_bn',
}
# Keys that are read of dicts without a `type`; no constructor checks them.
CLIP_GRAD = {
    name
    for function in ('clip_grad_norm_', 'clip_grad_value_')
    for name in inspect.signature(getattr(torch.nn.utils, function)).parameters
}
SECTIONS = {
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'auto_scale_lr': {'enable', 'base_batch_size'},
    'optim_wrapper.clip_grad': {'type'} | (CLIP_GRAD - {'parameters'}),
    'optim_wrapper.paramwise_cfg': {
        'bias_decay_mult',
        'bias_lr_mult',
        'bypass_duplicate',
        'custom_keys',
        'dcn_offset_lr_mult',
        'dwconv_decay_mult',
        'flat_decay_mult',
        'norm_decay_mult',
    },
}
# Keys of a typed dict that are read before its class is built.
TAKEN_OUT = {'type', '_scope_', '_delete_', 'priority', 'constructor'}


def override(cfg: Config, options: Mapping[str, object] | None) -> None:
    """Override values of a config, in place.

    Args:
        cfg: The config.
        options: Keys with dots, also with indices of lists, -> value, as from
            ``--cfg-options``. A key may be new, such as an argument of a
            class.

    Raises:
        ValueError: A key does not fit the config, or nothing would read it.
            The message names the key.
        ImportError: A module of ``custom_imports`` cannot be imported.
    """
    options = dict(options or {})
    before = cfg.to_dict()
    for key, value in options.items():
        _check_top(before, key)
        _check_place(cfg, key, value)
    cfg.merge_from_dict(options)
    for key in options:
        _check_section(cfg, before, key)
        _check_class(cfg, key)
        _warn_of_other_data(cfg, before, key)
    if any(key.startswith('custom_imports') for key in options):
        import_modules_from_strings(**cfg.custom_imports)


def _error(key: str, reason: str) -> ValueError:
    return ValueError(f'--cfg-options {key}=...: {reason}')


def _check_top(cfg: dict, key: str) -> None:
    """Refuse a key outside the parts of a config that are read."""
    parts = key.split('.')
    top = parts[0]
    if not all(parts):
        raise _error(key, 'write the key as parts that are joined by dots')
    if top in VARIABLES:
        raise ValueError(
            f'--cfg-options {key}=... is applied too late, because other '
            f'values depend on it: use --{top}'
        )
    if top == 'launcher':
        raise _error(key, 'use --launcher')
    if top == 'data_preprocessor' and top in (cfg.get('model') or ()):
        raise _error(key, f'nothing reads it; set model.{key}')
    if top in READ:
        return
    if top not in cfg and get_close_matches(top, READ):
        hint = suggest(top, READ)
    elif found := list(_same_values(cfg, key)):
        more = ', ...' if len(found) > 6 else ''
        hint = f'; set {", ".join(found[:6])}{more} instead'
    else:
        hint = ''
    if top in cfg:
        reason = (
            f'changes nothing, because {top!r} is a variable that the config '
            'has already used'
        )
    else:
        reason = f'the config has no {top!r}, and nothing would read it'
    raise _error(key, reason + hint)


def _same_values(cfg: dict, key: str) -> Iterator[str]:
    """Find what is read and has the same name, or else the same value."""
    nodes = dict(_nodes(cfg))
    top, _, name = key.partition('.')
    name = name.rpartition('.')[2] or top
    same = [path for path in nodes if path.split('.')[-1] == name]
    value = cfg.get(top)
    if not same and isinstance(value, (dict, list, str)) and value:
        same = [path for path, node in nodes.items() if node == value]
    yield from same


def _nodes(cfg: dict) -> Iterator[tuple[str, object]]:
    """Yield the path and the value of everything that is read."""
    for top in sorted(READ & cfg.keys()):
        yield from walk(top, cfg[top])


def _check_place(cfg: Config, key: str, value: object) -> None:
    """Check that a key fits the values of the config."""
    node = cfg
    parts = key.split('.')
    for depth, part in enumerate(parts):
        path, is_last = '.'.join(parts[:depth]), depth + 1 == len(parts)
        if isinstance(node, list):
            if not part.isdigit() or int(part) >= len(node):
                raise _error(
                    key,
                    f'{path} is a list of {len(node)}: its indices are 0 to '
                    f'{len(node) - 1}',
                )
            child = node[int(part)]
        elif isinstance(node, (dict, Config)):
            if part not in node:
                return
            child = node[part]
            if child is None and not is_last:
                # MMEngine does not merge a dict into None.
                child = node[part] = {}
        else:
            raise _error(
                key, f'{path} is {node!r}, which has no {part!r}; set {path}'
            )
        node = child
    if isinstance(node, dict) and not isinstance(
        value, (dict, list, tuple, type(None))
    ):
        keys = ', '.join(f'{key}.{name}' for name in list(node)[:4])
        raise _error(
            key,
            f'{key} is a dict, which {value!r} cannot replace; set one of its '
            f'entries, such as {keys}',
        )


def _check_section(cfg: Config, before: dict, key: str) -> None:
    """Refuse a new key of a dict whose keys are known."""
    if key.startswith('default_hooks.'):
        name = key.split('.')[1]
        hook = cfg.default_hooks[name]
        if isinstance(hook, dict) and 'type' not in hook:
            raise _error(
                key,
                f'default_hooks has no {name!r}, and a new hook needs a `type`'
                + suggest(name, before.get('default_hooks') or ()),
            )
    nodes = dict(_nodes(before))
    for section, known in SECTIONS.items():
        name = key.removeprefix(f'{section}.').split('.')[0]
        if not key.startswith(f'{section}.') or name in known:
            continue
        if section.endswith('paramwise_cfg') and cfg.optim_wrapper.get(
            'constructor'
        ):
            continue
        if f'{section}.{name}' not in nodes:
            raise _error(
                key,
                f'nothing reads {name!r} of {section}, which takes '
                f'{sorted(known)}{suggest(name, known)}',
            )


def _check_class(cfg: Config, key: str) -> None:
    """Refuse an argument that a class takes but never reads."""
    *parents, name = key.split('.')
    node: Any = cfg
    for part in parents:
        node = node[int(part) if isinstance(node, list) else part]
    type_ = node.get('type') if isinstance(node, (dict, Config)) else None
    if type_ is None or name in TAKEN_OUT:
        return
    classes = find_types(type_)
    if classes and all(ignores_argument(cls, name) for cls in classes):
        names = ', '.join(sorted({cls.__name__ for cls in classes}))
        known = inspect.signature(classes[0]).parameters
        raise _error(
            key,
            f'{names} does not read {name!r}{suggest(name, known)}',
        )


def _warn_of_other_data(cfg: Config, before: dict, key: str) -> None:
    """Warn if only some of the datasets get another folder."""
    if not key.endswith('.data_root'):
        return
    old, now = dict(_nodes(before)), dict(_nodes(cfg.to_dict()))
    unchanged = [
        other
        for other, value in now.items()
        if other.endswith('.data_root')
        and value == old.get(key)
        and now[key] != value
    ]
    if unchanged:
        print_log(
            f'--cfg-options {key}={now[key]}: {", ".join(unchanged)} is '
            f'still {old[key]}',
            logger='current',
            level=logging.WARNING,
        )
