# Copyright (c) mmgmp authors.
"""Variables that set the data set and the domains of a config.

A config reads them from the environment with MMEngine's syntax
``'{{$MMGMP_TARGET:cartoon}}'``. The flags of the tools set them.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config

from .config_file import read_config_file
from .suggestion import suggest

# Flag -> help. The variable is the flag in upper case, after a prefix.
VARIABLES = dict(
    dataset='name of a data set in configs/_base_/settings, or a config file '
    'that describes one',
    target='test domain',
    sources='training domains, e.g. human-animal; others: all but the target',
    modalities='modalities of the model, e.g. video-audio',
    corrupted='true: noise in the audio and the frames of the target',
)
PREFIX = 'MMGMP_'
OTHERS = 'others'
# DomainAccMetric uses the last two names for all samples and the worst domain.
NOT_DOMAINS = (OTHERS, 'all', 'worst')


def environment_name(variable: str) -> str:
    """Return the environment variable of a flag.

    Example:
        >>> environment_name('target')
        'MMGMP_TARGET'
    """
    return f'{PREFIX}{variable.upper()}'


def configs_folder() -> Path:
    """Find the configs of the source tree or of the installed wheel."""
    package = Path(__file__).parents[1]
    installed = package / '.mim' / 'configs'
    return installed if installed.is_dir() else package.parent / 'configs'


def dataset_names() -> list[str]:
    """List the data sets in ``configs/_base_/settings``."""
    settings = configs_folder() / '_base_' / 'settings'
    return sorted(path.stem for path in settings.glob('*.py'))


def setting_file(dataset: str) -> str:
    """Find the config of a data set.

    Args:
        dataset: Name of a file in ``configs/_base_/settings`` without
            ``.py``, or path of another file with ``.py``.

    Returns:
        Path for ``_base_`` of ``configs/_base_/setting.py``.

    Raises:
        ValueError: The name is unknown; the message lists the names.
        FileNotFoundError: The other file does not exist.
    """
    if dataset.endswith('.py'):
        path = Path(dataset).absolute()
        if not path.is_file():
            raise FileNotFoundError(
                f'{_flag("dataset")}: file {path} does not exist'
            )
        return str(path)
    if dataset not in dataset_names():
        raise ValueError(
            f'{_flag("dataset")} must be one of {dataset_names()} or the path '
            f'of a config file (.py), got {dataset!r}'
            f'{suggest(dataset, dataset_names())}'
        )
    return f'./settings/{dataset}.py'


def choose_domains(
    domains: Sequence[str], target: str, sources: str
) -> tuple[str, list[str]]:
    """Parse the target and the source domains.

    Args:
        domains: Domains of the data set.
        target: One of them.
        sources: Some others, joined by ``-``, or ``'others'`` for all others.

    Returns:
        The target, and the sources in the order of ``domains``.

    Raises:
        ValueError: A domain is unknown or repeated, the target is among the
            sources, or ``domains`` has fewer than two or unsuitable names.

    Example:
        >>> choose_domains(['human', 'animal', 'cartoon'], 'human', 'others')
        ('human', ['animal', 'cartoon'])
    """
    _check_domains(domains)
    if target not in domains:
        raise ValueError(
            f'{_flag("target")} must be one of {list(domains)}, got {target!r}'
            f'{suggest(target, domains)}'
        )
    if sources == OTHERS:
        return target, [domain for domain in domains if domain != target]
    chosen = _split('sources', sources, domains)
    if target in chosen:
        raise ValueError(
            f'{_flag("sources")}={sources!r} contains the target {target!r}, '
            'which must stay unseen: remove it, or choose another target'
        )
    return target, chosen


def _check_domains(domains: Sequence[str]) -> None:
    """Check the domains that the config of a data set lists."""
    if isinstance(domains, str) or len({*domains}) < max(len(domains), 2):
        raise ValueError(
            '`domains` must be at least two different names, because the '
            f'target is not a source, got {domains!r}'
        )
    for domain in domains:
        # Results are stored under these words, or under <metric>/<domain>/...
        if domain in NOT_DOMAINS or not domain.strip() or '/' in domain:
            raise ValueError(
                f'`domains` cannot contain {domain!r}: choose a name without '
                f'/ that is none of {NOT_DOMAINS}'
            )


def choose_modalities(known: Sequence[str], chosen: str) -> tuple[str, ...]:
    """Parse the modalities.

    Args:
        known: Modalities of the data set, in the order of the model.
        chosen: Some of them, joined by ``-``.

    Returns:
        The chosen modalities, in the order of ``known``.

    Raises:
        ValueError: A modality is unknown or repeated.

    Example:
        >>> choose_modalities(['video', 'audio', 'flow'], 'audio-video')
        ('video', 'audio')
    """
    return tuple(_split('modalities', chosen, known))


def choose_flag(variable: str, value: str) -> bool:
    """Parse a variable that is ``'true'`` or ``'false'``.

    Raises:
        ValueError: It has another value.
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
        The config, with the values of the variables filled in.

    Raises:
        ValueError: A variable is unknown, its value does not exist in the
            data set, or the config does not read it; see also
            :func:`~mmgmp.utils.config_file.read_config_file`.
        FileNotFoundError: The file of a data set does not exist.
    """
    with setting_variables(variables, exact):
        for variable in VARIABLES:
            _check_text(variable)
        cfg = read_config_file(path)
    for variable, value in variables.items():
        name = environment_name(variable)
        if value is not None and name not in cfg.env_variables:
            raise ValueError(
                f'{_flag(variable)} has no effect on {path}, which does not '
                'read it: the config does not inherit from '
                'configs/_base_/setting.py, or it was dumped by a run'
            )
    return cfg


@contextmanager
def setting_variables(
    variables: Mapping[str, str | bool | None], exact: bool = False
) -> Iterator[None]:
    """Set the environment variables temporarily, to read a config.

    Args:
        variables: Variable -> value. A list is joined by ``-``; None keeps
            the current value.
        exact: Whether to unset all other variables, so that the config does
            not depend on the environment.

    Raises:
        ValueError: A variable is unknown.
    """
    if unknown := sorted(variables.keys() - VARIABLES.keys()):
        raise ValueError(
            f'unknown variables {unknown}: use some of {list(VARIABLES)}'
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
    """Check that MMEngine can insert a value between quotes in a config."""
    text = os.environ.get(environment_name(variable))
    if text is None:
        return
    if not text.strip():
        raise ValueError(
            f'{_flag(variable)} is empty: set a value, or unset it'
        )
    if any(character in text for character in '\'"\\{}\n\r'):
        raise ValueError(
            f'{_flag(variable)} must not contain quotes, backslashes, braces '
            f'or line breaks, got {text!r}'
        )


def _flag(variable: str) -> str:
    """Format the name of a variable for messages."""
    return f'--{variable} ({environment_name(variable)})'


def _split(variable: str, text: str, known: Sequence[str]) -> list[str]:
    """Split names joined by ``-``, which names may also contain."""
    found = {frozenset(names) for names in _splits(text, known)}
    if len(found) != 1:
        ways = (
            f', which can be any of {sorted(map(sorted, found))}'
            if found
            else ''
        )
        raise ValueError(
            f'{_flag(variable)} must be different names from '
            f'{list(known)}, joined by -, got {text!r}{ways}'
        )
    (chosen,) = found
    return [name for name in known if name in chosen]


def _splits(text: str, known: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield all ways to split a text into different names."""
    for name in known:
        if text == name:
            yield (name,)
        elif text.startswith(f'{name}-'):
            for rest in _splits(text[len(name) + 1 :], known):
                if name not in rest:
                    yield (name, *rest)
