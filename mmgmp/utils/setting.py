# Copyright (c) mmgmp authors.
"""The variables by which a config is told its data set and its domains.

A config reads each of them from the environment, as MMEngine's configs can:
``'{{$MMGMP_TARGET:cartoon}}'``. The flags of the tools set them.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config

# Name of a flag, which is that of its environment variable in lower case and
# without the prefix, and what it says.
VARIABLES = dict(
    dataset='name of a data set in configs/_base_/settings, or a config file '
    'that describes one',
    target='domain that is tested',
    sources='domains that are trained on, as in human-animal; others: all but '
    'the target',
    modalities='modalities of the model, as in video-audio',
    corrupted='true: noise in the sound and the pictures of the target',
)
PREFIX = 'MMGMP_'
OTHERS = 'others'


def environment_name(variable: str) -> str:
    """Environment variable of a flag, ``MMGMP_TARGET`` for ``target``."""
    return f'{PREFIX}{variable.upper()}'


def configs_folder() -> Path:
    """Folder of the configs: of the source tree, or of the installed wheel."""
    package = Path(__file__).parents[1]
    installed = package / '.mim' / 'configs'
    return installed if installed.is_dir() else package.parent / 'configs'


def dataset_names() -> list[str]:
    """Names of the data sets that ``configs/_base_/settings`` has."""
    settings = configs_folder() / '_base_' / 'settings'
    return sorted(path.stem for path in settings.glob('*.py'))


def setting_file(dataset: str) -> str:
    """Find the config of a data set.

    Args:
        dataset: Name of a file in ``configs/_base_/settings``, without
            ``.py``, or path of a file of one's own, with it.

    Returns:
        Path for ``_base_`` of ``configs/_base_/setting.py``.

    Raises:
        ValueError: There is none; the message lists the names.
        FileNotFoundError: There is no such file of one's own.
    """
    if dataset.endswith('.py'):
        path = Path(dataset).absolute()
        if not path.is_file():
            raise FileNotFoundError(
                f'{_flag("dataset")}: there is no file {path}'
            )
        return str(path)
    if dataset not in dataset_names():
        raise ValueError(
            f'{_flag("dataset")} must be one of {dataset_names()} or the path '
            f'of a config file (.py), got {dataset!r}'
        )
    return f'./settings/{dataset}.py'


def choose_domains(
    domains: Sequence[str], target: str, sources: str
) -> tuple[str, list[str]]:
    """Read the target and the source domains.

    Args:
        domains: Domains of the data set.
        target: One of them.
        sources: Others of them, joined by ``-``, or ``'others'`` for all
            others.

    Returns:
        The target, and the sources in the order of ``domains``.

    Raises:
        ValueError: An unknown domain, one that is named twice, or the target
            among the sources.
    """
    if target not in domains:
        raise ValueError(
            f'{_flag("target")} must be one of {list(domains)}, got {target!r}'
        )
    if sources == OTHERS:
        return target, [domain for domain in domains if domain != target]
    chosen = _split('sources', sources, domains)
    if target in chosen:
        raise ValueError(
            f'{_flag("sources")}={sources!r} holds the target {target!r}, '
            'which must stay unseen: remove it, or choose another target'
        )
    return target, chosen


def choose_modalities(known: Sequence[str], chosen: str) -> tuple[str, ...]:
    """Read the modalities.

    Args:
        known: Modalities of the data set, in the order of the model.
        chosen: Some of them, joined by ``-``.

    Returns:
        The chosen ones, in the order of ``known``.

    Raises:
        ValueError: An unknown modality, or one that is named twice.
    """
    return tuple(_split('modalities', chosen, known))


def choose_flag(variable: str, value: str) -> bool:
    """Read a variable that is ``'true'`` or ``'false'``.

    Raises:
        ValueError: Another value.
    """
    if value not in ('true', 'false'):
        raise ValueError(
            f"{_flag(variable)} must be 'true' or 'false', got {value!r}"
        )
    return value == 'true'


def read_config(
    path: str | Path,
    variables: Mapping[str, str | bool | None],
    exact: bool = False,
) -> Config:
    """Read a config with some variables set.

    Args:
        path: Config file.
        variables: See :func:`setting_variables`.
        exact: See :func:`setting_variables`.

    Returns:
        The config. What it took from the variables are values in it.

    Raises:
        ValueError: An unknown variable, a value that does not exist in the
            data set, or a variable that the config does not read.
        FileNotFoundError: A data set of one's own that does not exist.
    """
    with setting_variables(variables, exact):
        for variable in VARIABLES:
            _check_text(variable)
        try:
            cfg = Config.fromfile(path)
        except RecursionError:
            dataset = os.environ.get(environment_name('dataset'))
            raise ValueError(
                f'{_flag("dataset")}={dataset!r} is the config of a method, '
                'which builds on a data set: give the file of a data set'
            ) from None
    for variable, value in variables.items():
        name = environment_name(variable)
        if value is not None and name not in cfg.env_variables:
            raise ValueError(
                f'{_flag(variable)} has no effect on {path}, which does not '
                'read it: such a config is no child of '
                'configs/_base_/setting.py, or one that a run has dumped'
            )
    return cfg


@contextmanager
def setting_variables(
    variables: Mapping[str, str | bool | None], exact: bool = False
) -> Iterator[None]:
    """Set the environment variables while a config is read.

    Args:
        variables: Variable -> value, where a list is joined by ``-``; None
            leaves it as it is.
        exact: Whether to unset those that are not given, so that what is read
            does not depend on the environment.

    Raises:
        ValueError: An unknown variable.
    """
    if unknown := sorted(variables.keys() - VARIABLES.keys()):
        raise ValueError(
            f'unknown variables {unknown}: a config has {list(VARIABLES)}'
        )
    before = {
        name: os.environ.get(name) for name in map(environment_name, VARIABLES)
    }
    after = dict.fromkeys(before) if exact else dict(before)
    for variable, value in variables.items():
        if value is not None:
            if isinstance(value, (list, tuple)):
                value = '-'.join(map(str, value))
            elif isinstance(value, bool):
                value = str(value).lower()
            after[environment_name(variable)] = str(value)
    try:
        _write_environment(after)
        yield
    finally:
        _write_environment(before)


def _write_environment(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _check_text(variable: str) -> None:
    """Refuse what MMEngine cannot paste between quotes in a config."""
    text = os.environ.get(environment_name(variable))
    if text is None:
        return
    if not text.strip():
        raise ValueError(
            f'{_flag(variable)} is empty: give a value, or unset it'
        )
    if any(character in text for character in '\'"\\{}\n\r'):
        raise ValueError(
            f'{_flag(variable)} must have no quotes, backslashes, braces or '
            f'line breaks, got {text!r}'
        )


def _flag(variable: str) -> str:
    """How a message names a variable."""
    return f'--{variable} ({environment_name(variable)})'


def _split(variable: str, text: str, known: Sequence[str]) -> list[str]:
    """Split names joined by ``-``, which the names may hold themselves."""
    chosen, rest = [], text
    while rest:
        name = max(
            (k for k in known if rest == k or rest.startswith(f'{k}-')),
            key=len,
            default=None,
        )
        if name is None or name in chosen or rest == f'{name}-':
            raise ValueError(
                f'{_flag(variable)} must join different ones of '
                f'{list(known)} by -, got {text!r}'
            )
        chosen.append(name)
        rest = rest[len(name) + 1 :]
    if not chosen:
        raise ValueError(
            f'{_flag(variable)} must name at least one of {list(known)}, got '
            "''"
        )
    return [name for name in known if name in chosen]
