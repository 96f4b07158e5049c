# Copyright (c) mmgmp authors.
"""Checks of the arguments of datasets."""

import unicodedata
from collections.abc import Iterable, Sequence
from numbers import Integral

MODALITIES = ('video', 'audio', 'flow')
ALIGNMENTS = ('true_fps', 'as_released')
ON_CORRUPT = ('raise', 'skip')
# Keys of DomainAccMetric.
RESERVED_DOMAINS = ('all', 'worst', 'others')


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


def check_domain_names(names: Sequence[str]) -> None:
    """Check that names of domains can be parts of paths and of metric keys.

    Raises:
        ValueError: If one cannot.
    """
    for name in names:
        if (
            not isinstance(name, str)
            or name in RESERVED_DOMAINS
            or not name.strip('.')
            or name != name.strip()
            or not {*name}.isdisjoint('/\\\'"{}')
            or any(unicodedata.category(c) == 'Cc' for c in name)
        ):
            raise ValueError(
                f'the domain {name!r} in `DOMAINS` must be a folder name '
                f'without quotes and braces, and none of {RESERVED_DOMAINS}, '
                'which have a meaning in results and flags: rename it'
            )


def check_classes(classes: Sequence[str], num_classes: int | None) -> None:
    """Check the names of the classes, and their number if it is given.

    Raises:
        ValueError: If a name is empty or repeated, there are none, or their
            number is another one.
    """
    names = list(classes)
    if (
        not names
        or not all(isinstance(name, str) and name for name in names)
        or len({*names}) < len(names)
    ):
        raise ValueError(
            f"`metainfo['classes']` must be names, each once, got {classes!r}"
        )
    if num_classes not in (None, len(names)):
        raise ValueError(
            f'`num_classes` is {num_classes}, but there are {len(names)} '
            f'classes: {names}'
        )


def check_indices(indices: int | Sequence[int] | None, size: int) -> None:
    """Check which samples of a dataset are selected.

    Args:
        indices: The first (or, if negative, the last) samples, or a list.
        size: Number of samples.

    Raises:
        ValueError: If the selection is empty or not in the dataset.
    """
    if indices is None:
        return
    if isinstance(indices, Sequence) and not isinstance(indices, str):
        wrong = [i for i in indices if not (_is_int(i) and -size <= i < size)]
        if not wrong and len(indices):
            return
    elif _is_int(indices) and 0 < abs(indices) <= size:
        return
    raise ValueError(
        f'`indices` must select some of {size} samples, got {indices!r}'
    )


def check_sample_labels(
    items: Iterable[dict], num_classes: int | None
) -> None:
    """Check that each item has one class index.

    Args:
        items: Items with ``label``, or without.
        num_classes: Number of classes, if known.

    Raises:
        ValueError: If a label is not an integer, such as a list of
            probabilities, or no class has this index.
    """
    for item in items:
        label = item.get('label')
        if label is None:
            continue
        if not _is_int(label) or not 0 <= label < (num_classes or label + 1):
            raise ValueError(
                f'the label of {item.get("filename")} must be one class '
                f'index'
                + (f' from 0 to {num_classes - 1}' if num_classes else '')
                + f', got {label!r}'
            )


def _is_int(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
