# Copyright (c) mmgmp authors.
import argparse
import ast
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction

from .encoder_rules import Rule
from .mistakes import one_line_errors
from .setting import VARIABLES, read_config


class ConfigOptions(DictAction):
    """MMEngine's ``KEY=VALUE`` options, with an error for other texts.

    Values may contain dicts as in Python.
    """

    @staticmethod
    def _parse_iterable(val: str) -> Any:
        if '{' in val:
            with suppress(ValueError, SyntaxError):
                return ast.literal_eval(val)
        return DictAction._parse_iterable(val)

    def __call__(self, parser, namespace, values, option_string=None):
        """Store the options."""
        for text in values:
            key, equals, _ = text.partition('=')
            if not key or not equals:
                parser.error(f'{option_string} takes KEY=VALUE, got {text!r}')
        try:
            super().__call__(parser, namespace, values, option_string)
        except AssertionError as error:
            parser.error(f'{option_string}: {error}')


def add_setting_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags for the data set and the domains of a config.

    Args:
        parser: Parser of the tool.
    """
    group = parser.add_argument_group(
        'setting',
        'These flags override the config and the environment variables '
        'MMGMP_DATASET, MMGMP_TARGET, ...',
    )
    for name, text in VARIABLES.items():
        if name == 'corrupted':
            group.add_argument(
                '--corrupted',
                action=argparse.BooleanOptionalAction,
                help='add noise to the audio and the frames of the target',
            )
        else:
            group.add_argument(f'--{name}', help=text)


def setting_of(args: argparse.Namespace) -> dict[str, str | bool | None]:
    """Return the variables read by :func:`add_setting_arguments`."""
    return {name: getattr(args, name) for name in VARIABLES}


def read_setting(args: argparse.Namespace) -> Config:
    """Read ``args.config`` with the flags of :func:`add_setting_arguments`.

    It prints the setting if the config has one.

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
    """Add the common arguments of the tools that run a config.

    Args:
        parser: Parser of the tool.
    """
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--work-dir',
        help='folder for logs and checkpoints (default: that of the config, '
        'named after the method and the setting)',
    )
    add_config_options(parser)
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


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``, which overrides values of a config.

    Args:
        parser: Parser of the tool.
    """
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        help='values that override the config, as key=value; lists as '
        'key="[a,b]" or key=a,b, without spaces; dicts as in Python',
    )


def load_config(args: argparse.Namespace) -> Config:
    """Read a config, and override it with the arguments of a run.

    Args:
        args: Parsed arguments of :func:`add_run_arguments`.

    Returns:
        The config with its work dir and launcher.

    Raises:
        ValueError: See :func:`mmgmp.utils.setting.read_config` and
            :func:`mmgmp.utils.overrides.override`.
    """
    # It imports PyTorch, which `--help` does without.
    from .overrides import override

    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_setting(args)
    override(cfg, args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs', Path(args.config).stem))
    return cfg


def check_checkpoint(path: str) -> None:
    """Check that a checkpoint exists, before a model is built.

    Args:
        path: A file, or an address such as ``https://...``, which is not
            checked.

    Raises:
        FileNotFoundError: There is no such file.
    """
    if '://' in path or Path(path).expanduser().is_file():
        return
    if Path(path).is_dir():
        raise FileNotFoundError(
            f'checkpoint {path} is a folder: pass a file in it'
        )
    raise FileNotFoundError(f'checkpoint {path} does not exist')


def run_converter(
    description: str,
    modalities: Sequence[str],
    key: str,
    rules: Sequence[Rule],
) -> None:
    """Run a converter of checkpoints, and print its report.

    Args:
        description: Description of the tool.
        modalities: Possible modalities of the encoder; the first is the
            default.
        key: Entry of the checkpoint that contains the tensors.
        rules: Conversion of the names in the checkpoint to those of the
            encoder.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('checkpoint', help='published checkpoint')
    parser.add_argument('config', help='config with the encoder')
    if len(modalities) > 1:
        parser.add_argument(
            '--modality',
            choices=modalities,
            default=modalities[0],
            help=f'which encoder (default: {modalities[0]})',
        )
    parser.add_argument(
        '--out',
        help='file to write (default: the file in the config)',
    )
    add_config_options(parser)
    add_setting_arguments(parser)
    args = parser.parse_args()

    from .encoder_weights import convert_checkpoint
    from .overrides import override

    with one_line_errors():
        cfg = read_setting(args)
        override(cfg, args.cfg_options)
        out, report = convert_checkpoint(
            args.checkpoint,
            cfg,
            getattr(args, 'modality', modalities[0]),
            key,
            rules,
            args.out,
        )
    print(f'{report}\nwrote {out}')
