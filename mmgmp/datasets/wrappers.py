# Copyright (c) mmgmp authors.
"""Find the datasets inside the wrappers of MMEngine and torch."""

from collections.abc import Mapping
from typing import Any

from torch.utils.data import Dataset

# Keys of an item that identify a clip. The file name alone is not enough: all
# actions of a video share its folder of frames, or its file.
CLIP_IDENTITY = (
    'filename',
    'start_index',
    'total_frames',
    'clip_start',
    'clip_stop',
)


def dataset_leaves(dataset: Any) -> list:
    """List the datasets inside wrappers.

    Args:
        dataset: Dataset, or a wrapper with one ``dataset`` (repetition, class
            balance, subset) or several ``datasets`` (concatenation).
    """
    if hasattr(dataset, 'datasets'):
        return [
            leaf for part in dataset.datasets for leaf in dataset_leaves(part)
        ]
    if hasattr(dataset, 'dataset'):
        return dataset_leaves(dataset.dataset)
    return [dataset]


def is_labelled(leaf: Any) -> bool:
    """Check whether a dataset has labels: ``labelled`` is not False."""
    return getattr(leaf, 'labelled', True)


def dataset_domains(
    dataset: Dataset, key: str = 'domains', labelled_only: bool = False
) -> tuple[str, ...]:
    """Get the names of the domains in a dataset, also inside wrappers.

    Args:
        dataset: Dataset with the names in its ``metainfo``, or a wrapper; see
            :func:`dataset_leaves`.
        key: Entry of ``metainfo`` that is read.
        labelled_only: Whether to leave out datasets without labels.

    Returns:
        Names without repetition, in the order of the datasets.

    Raises:
        ValueError: If the ``metainfo`` of a dataset lacks the entry.
    """
    return tuple(
        dict.fromkeys(
            domain
            for leaf in dataset_leaves(dataset)
            if is_labelled(leaf) or not labelled_only
            for domain in domain_names(leaf, key)
        )
    )


def domain_names(leaf: Any, key: str = 'domains') -> tuple[str, ...]:
    """Get the names of the domains from the ``metainfo`` of one dataset.

    Raises:
        ValueError: If the entry is missing.
    """
    metainfo: Mapping = getattr(leaf, 'metainfo', {})
    if key not in metainfo:
        raise ValueError(
            f'`metainfo` of {type(leaf).__name__} must list its domains under '
            f'{key!r}, found only {sorted(metainfo)}: add the entry'
        )
    return tuple(metainfo[key])
