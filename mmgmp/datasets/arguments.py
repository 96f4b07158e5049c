# Copyright (c) mmgmp authors.
"""Checks of the arguments of datasets."""

from collections.abc import Sequence

MODALITIES = ('video', 'audio', 'flow')
ALIGNMENTS = ('true_fps', 'as_released')
ON_CORRUPT = ('raise', 'skip')


def check_choice(name: str, value: object, choices: Sequence) -> None:
    """Check that a value is one of the choices.

    Raises:
        ValueError: If it is not.
    """
    if value not in tuple(choices):
        raise ValueError(
            f'`{name}` must be one of {tuple(choices)}, got {value!r}'
        )


def check_names(
    argument: str, names: Sequence[str], choices: Sequence[str]
) -> tuple[str, ...]:
    """Check a list of names.

    Args:
        argument: Name of the argument, for errors.
        names: The list.
        choices: Names that exist.

    Returns:
        The names.

    Raises:
        TypeError: If a string is given instead of a list of names.
        ValueError: If a name is unknown or repeated, or the list is empty.
    """
    if isinstance(names, str):
        raise TypeError(
            f'`{argument}` must be a list of names, got {names!r}: write '
            f'[{names!r}]'
        )
    names = tuple(names)
    if not names or len({*names}) < len(names) or not {*names} <= {*choices}:
        raise ValueError(
            f'`{argument}` must be one or more of {choices}, each once, got '
            f'{names}'
        )
    return names


def check_labels(
    domains: Sequence[str],
    source_domains: Sequence[str] | None,
    labelled: bool,
    keep_hidden_label: bool,
) -> None:
    """Check the arguments of an unlabelled target.

    Raises:
        ValueError: If an unlabelled domain is a source, the sources are not
            given, or hidden labels are requested for a labelled dataset.
    """
    if labelled:
        if keep_hidden_label:
            raise ValueError(
                '`keep_hidden_label=True` needs `labelled=False`: a labelled '
                'dataset gives `label` to the model'
            )
        return
    if source_domains is None:
        raise ValueError(
            '`labelled=False` is for the target of an adaptation: set '
            '`source_domains` to the labelled training domains'
        )
    seen = [domain for domain in domains if domain in source_domains]
    if seen:
        raise ValueError(
            f'`domains` {domains} are read without labels, but {seen} are in '
            f'`source_domains` {source_domains}: a target must not be among '
            'the sources'
        )


def check_protocol(
    split: str, domains: Sequence[str], source_domains: Sequence[str]
) -> None:
    """Check that labelled training rows and test rows do not mix.

    Raises:
        ValueError: If split 'train' is read from a domain that is not a
            source, or split 'all' from a domain that is a source.
    """
    unseen = set(domains) - set(source_domains)
    if split == 'train' and unseen:
        raise ValueError(
            f'`domains` {domains} are read for training, but '
            f'{sorted(unseen)} are not in `source_domains` {source_domains} '
            '(an unlabelled target has `labelled=False`)'
        )
    if split == 'all' and len(unseen) < len(domains):
        raise ValueError(
            f"split 'all' of `domains` {domains} contains training samples of "
            f'`source_domains` {source_domains}: a target must not be among '
            "the sources (use split 'test' to validate on a source)"
        )
