# Copyright (c) mmgmp authors.
"""Checks of what data sets are given."""

from collections.abc import Sequence

MODALITIES = ('video', 'audio', 'flow')
ALIGNMENTS = ('true_fps', 'as_released')


def check_choice(name: str, value: object, choices: Sequence) -> None:
    """Refuse a value that is not among the choices.

    Raises:
        ValueError: If it is not.
    """
    if value not in tuple(choices):
        raise ValueError(
            f'`{name}` must be one of {tuple(choices)}, got {value!r}'
        )


def check_modalities(modalities: Sequence[str]) -> tuple[str, ...]:
    """Check names of modalities.

    Raises:
        TypeError: If a string stands for a list of names.
        ValueError: If a name is unknown or repeated, or there is none.
    """
    if isinstance(modalities, str):
        raise TypeError(
            f'`modalities` must be a list of names, got {modalities!r}: write '
            f'[{modalities!r}]'
        )
    modalities = tuple(modalities)
    if (
        not modalities
        or len(set(modalities)) < len(modalities)
        or not set(modalities) <= set(MODALITIES)
    ):
        raise ValueError(
            f'`modalities` must be one or more of {MODALITIES}, each once, '
            f'got {modalities}'
        )
    return modalities


def check_protocol(
    split: str, domains: Sequence[str], source_domains: Sequence[str]
) -> None:
    """Refuse to train on a target or to test on what was trained on.

    Raises:
        ValueError: If training rows are read of a domain that is not a
            source, or all rows of one that is.
    """
    unseen = set(domains) - set(source_domains)
    if split == 'train' and unseen:
        raise ValueError(
            f'`domains` {domains} are to be trained on, and '
            f'{sorted(unseen)} are not in `source_domains` {source_domains}'
        )
    if split == 'all' and len(unseen) < len(domains):
        raise ValueError(
            f"split 'all' of `domains` {domains} has training samples of "
            f'`source_domains` {source_domains}: a target must not be among '
            "the sources (use split 'test' to validate on a source)"
        )
