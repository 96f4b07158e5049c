# Copyright (c) mmgmp authors.
"""Check a downloaded data set against its split files."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from .epic_kitchens import FRAME_TEMPLATE, EPICKitchensDataset
from .hac import HACDataset
from .media_checks import Fault

_FRAME_NAME = re.compile(
    re.escape(FRAME_TEMPLATE).replace(r'\{:010d\}', r'\d{10}')
)


class Counts(NamedTuple):
    """Rows of each class in the split files of a domain."""

    train: tuple[int, ...]
    test: tuple[int, ...]


# Rows of the published split files, counted in the files of
# https://github.com/donghao51/SimMMDG (HAC) and
# https://github.com/jonmun/MM-SADA_Domain_Adaptation_Splits (EPIC-Kitchens).
HAC = dict(
    human=Counts(
        train=(159, 158, 160, 158, 158, 158, 160),
        test=(39, 40, 39, 40, 40, 38, 40),
    ),
    animal=Counts(
        train=(103, 117, 123, 112, 109, 93, 73),
        test=(36, 26, 25, 21, 24, 27, 17),
    ),
    cartoon=Counts(
        train=(83, 93, 135, 104, 121, 163, 171),
        test=(23, 28, 28, 22, 27, 51, 39),
    ),
)
# File names in both split files of a domain.
HAC_DUPLICATES = dict(human=24, animal=0, cartoon=0)
EPIC_KITCHENS = dict(
    D1=Counts(
        train=(421, 383, 231, 128, 223, 71, 42, 44),
        test=(124, 104, 52, 34, 66, 13, 20, 22),
    ),
    D2=Counts(
        train=(715, 692, 245, 214, 298, 89, 113, 129),
        test=(208, 217, 68, 56, 136, 14, 26, 25),
    ),
    D3=Counts(
        train=(919, 1121, 450, 367, 808, 110, 53, 69),
        test=(241, 280, 102, 71, 245, 29, 1, 5),
    ),
)
# Videos in the (train, test) split files.
EPIC_KITCHENS_VIDEOS = dict(D1=(22, 6), D2=(14, 5), D3=(13, 4))
VERIFIED = dict(
    hac=(HACDataset, HAC), epic_kitchens=(EPICKitchensDataset, EPIC_KITCHENS)
)


def read_splits(
    name: str, data_root: str, modalities: Sequence[str], **kwargs
) -> tuple[dict[tuple[str, str], list[dict]], list[Fault]]:
    """Read the rows of all split files of a data set.

    Args:
        name: 'hac' or 'epic_kitchens'.
        data_root: Folder of the data set.
        modalities: Which of 'video', 'audio' and 'flow' are used.
        **kwargs: Other arguments of the data set.

    Returns:
        (domain, split) -> items before the pipeline, for the splits that can
        be read, and the faults of the other splits.
    """
    dataset_type = VERIFIED[name][0]
    items, faults = {}, []
    for domain in dataset_type.DOMAINS:
        for split in Counts._fields:
            try:
                dataset = dataset_type(
                    data_root,
                    [domain],
                    split,
                    modalities=modalities,
                    on_corrupt='skip',
                    serialize_data=False,
                    **kwargs,
                )
            except FileNotFoundError as error:
                faults.append(Fault('missing', data_root, str(error)))
            except ValueError as error:
                faults.append(Fault('unreadable', data_root, str(error)))
            else:
                items[domain, split] = [
                    dataset.get_data_info(i) for i in range(len(dataset))
                ]
    # Both splits of a domain report the same missing folder.
    return items, list(dict.fromkeys(faults))


def count_classes(items: Iterable[dict], num_classes: int) -> tuple[int, ...]:
    """Count the rows of each class."""
    counter = Counter(item['label'] for item in items)
    return tuple(counter[label] for label in range(num_classes))


def count_faults(
    rows: dict[tuple[str, str], tuple[int, ...]], published: dict[str, Counts]
) -> list[Fault]:
    """Compare the rows of each class with the published numbers.

    Args:
        rows: (domain, split) -> rows of each class.
        published: Domain -> published rows.
    """
    faults = []
    for (domain, split), found in rows.items():
        expected = getattr(published[domain], split)
        if found != expected:
            message = (
                f'the {split} split of {domain} has {sum(found)} rows, by '
                f'class {found}; expected {sum(expected)}, {expected}'
            )
            faults.append(Fault('rows', f'{domain} {split}', message))
    return faults


def surplus_faults(paths: Iterable[str]) -> list[Fault]:
    """Find files in the folders of a data set that do not belong to it.

    Hidden files and the frames of a video between its actions are not
    reported.

    Args:
        paths: All files of the data set.
    """
    expected, folders = {*paths}, set()
    for path in paths:
        folders.add(os.path.dirname(path))
    known = {str(p) for f in folders for p in (Path(f), *Path(f).parents)}
    faults = []
    for folder in sorted(filter(os.path.isdir, folders)):
        frames = any(map(_FRAME_NAME.fullmatch, os.listdir(folder)))
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if (
                path not in expected | known
                and not name.startswith('.')
                and not (frames and _FRAME_NAME.fullmatch(name))
            ):
                message = f'{path} is not in the split files'
                faults.append(Fault('surplus', path, message))
    return faults
