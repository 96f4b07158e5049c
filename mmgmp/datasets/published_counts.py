# Copyright (c) mmgmp authors.
"""Rows of the published split files, by class.

Counted in the files of https://github.com/donghao51/SimMMDG (HAC) and
https://github.com/jonmun/MM-SADA_Domain_Adaptation_Splits (EPIC-Kitchens).
"""

from typing import NamedTuple


class Counts(NamedTuple):
    """Rows of each class in the split files of a domain."""

    train: tuple[int, ...]
    test: tuple[int, ...]


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
# Names in both split files.
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
# Videos named in the (train, test) split files.
EPIC_KITCHENS_VIDEOS = dict(D1=(22, 6), D2=(14, 5), D3=(13, 4))
