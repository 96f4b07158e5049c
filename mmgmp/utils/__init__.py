# Copyright (c) mmgmp authors.
from typing import Any

from mmgmp.registry import register_all_modules

from .atomic_local_backend import AtomicLocalBackend
from .command_line import (
    add_config_options,
    add_run_arguments,
    add_setting_arguments,
    check_checkpoint,
    load_config,
    read_setting,
    setting_of,
)
from .mistakes import one_line_errors

__all__ = [
    'AtomicLocalBackend',
    'add_config_options',
    'add_run_arguments',
    'add_setting_arguments',
    'check_checkpoint',
    'load_config',
    'one_line_errors',
    'override',
    'read_setting',
    'register_all_modules',
    'setting_of',
]


def __getattr__(name: str) -> Any:
    """Import what needs PyTorch at its first use."""
    if name == 'override':
        from .overrides import override

        return override
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
