# Copyright (c) mmgmp authors.
"""What is asked of the datasets inside MMEngine's and torch's wrappers."""

from typing import Any

from torch.utils.data import Dataset

# Keys of an item that tell clips apart: actions share the folder of a video's
# frames.
CLIP_IDENTITY = ('filename', 'start_index', 'total_frames')


def dataset_leaves(dataset: Any) -> list:
    """The datasets inside wrappers."""
    if hasattr(dataset, 'datasets'):
        return [
            leaf for part in dataset.datasets for leaf in dataset_leaves(part)
        ]
    if hasattr(dataset, 'dataset'):
        return dataset_leaves(dataset.dataset)
    return [dataset]


def is_labelled(leaf: Any) -> bool:
    """Whether a dataset gives labels: all do that do not deny it."""
    return getattr(leaf, 'labelled', True)


def dataset_domains(
    dataset: Dataset, key: str = 'domains', labelled_only: bool = False
) -> tuple[str, ...]:
    """Names of the domains in a dataset, inside wrappers of it too.

    Args:
        dataset: Dataset with the names in its ``metainfo``, or a wrapper:
            what holds it as ``dataset`` (repetition, class balance, subset)
            or several as ``datasets`` (concatenation).
        key: Entry of ``metainfo`` that is read.
        labelled_only: Whether datasets without labels are left out.

    Returns:
        Names without repetition, in the order of the datasets.

    Raises:
        ValueError: A dataset's ``metainfo`` lacks the entry.
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
    """Names of domains that the ``metainfo`` of one dataset has.

    Raises:
        ValueError: It lacks the entry.
    """
    metainfo = getattr(leaf, 'metainfo', {})
    if key not in metainfo:
        raise ValueError(
            f'{type(leaf).__name__} has no {key!r} in its `metainfo`, '
            'which names the domains that it holds: add it, or remove '
            f'DomainProtocolHook; found {sorted(metainfo)}'
        )
    return tuple(metainfo[key])
