# Copyright (c) mmgmp authors.
import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config, DictAction

from .setting import VARIABLES, read_config


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Report a user's mistake as one line on stderr, and exit with 2."""
    try:
        yield
    except (ValueError, FileNotFoundError) as error:
        print(f'{Path(sys.argv[0]).name}: error: {error}', file=sys.stderr)
        sys.exit(2)


def add_setting_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that choose the data set and the domains of a config.

    Args:
        parser: The tool's parser.
    """
    group = parser.add_argument_group(
        'setting',
        'in place of the default of the config and of the environment '
        'variables MMGMP_DATASET, MMGMP_TARGET, ...',
    )
    for name, text in VARIABLES.items():
        if name == 'corrupted':
            group.add_argument(
                '--corrupted',
                action=argparse.BooleanOptionalAction,
                help='add noise to the sound and the pictures of the target',
            )
        else:
            group.add_argument(f'--{name}', help=text)


def setting_of(args: argparse.Namespace) -> dict[str, str | bool | None]:
    """Variables that :func:`add_setting_arguments` has read."""
    return {name: getattr(args, name) for name in VARIABLES}


def read_setting(args: argparse.Namespace) -> Config:
    """Read ``args.config`` with the flags of :func:`add_setting_arguments`.

    Args:
        args: Parsed arguments.

    Returns:
        The config.

    Raises:
        ValueError: See :func:`mmgmp.utils.setting.read_config`.
    """
    cfg = read_config(args.config, setting_of(args))
    if 'setting' in cfg:
        print(f'Setting: {cfg.setting}', flush=True)
    return cfg


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that all tools that run a config have.

    Args:
        parser: The tool's parser.
    """
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--work-dir',
        help='where logs and checkpoints go (default: that of the config, '
        'which names the method and the setting)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help="settings in place of the config's, as key=value; lists as "
        'key="[a,b]" or key=a,b, without spaces',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher',
    )
    parser.add_argument(
        '--local_rank',
        '--local-rank',
        type=int,
        default=0,
        help=argparse.SUPPRESS,
    )
    add_setting_arguments(parser)


def load_config(args: argparse.Namespace) -> Config:
    """Read the config that the run arguments name and override.

    Args:
        args: Parsed arguments of :func:`add_run_arguments`.

    Returns:
        The config with its work dir and launcher.

    Raises:
        ValueError: See :func:`mmgmp.utils.setting.read_config`.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_setting(args)
    if chosen := sorted({*VARIABLES} & {*(args.cfg_options or ())}):
        raise ValueError(
            f'--cfg-options {chosen[0]}=... comes too late, since other '
            f'settings follow from it: use --{chosen[0]}'
        )
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs', Path(args.config).stem))
    return cfg
