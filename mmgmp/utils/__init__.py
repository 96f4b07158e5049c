# Copyright (c) mmgmp authors.
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
from .overrides import override

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
