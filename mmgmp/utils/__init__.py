# Copyright (c) mmgmp authors.
from .atomic_local_backend import AtomicLocalBackend
from .command_line import add_run_arguments, load_config
from .setup_env import register_all_modules

__all__ = [
    'AtomicLocalBackend',
    'add_run_arguments',
    'load_config',
    'register_all_modules',
]
