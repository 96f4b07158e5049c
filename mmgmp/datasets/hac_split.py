# Copyright (c) mmgmp authors.
"""Read the split files of HAC."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from .files import nfc
from .tables import Line, read_lines, warn_once

_INDEX = re.compile('[0-9]{1,18}')
_OTHER_DELIMITER = re.compile(r'[;\t]\s*[+-]?\d*$')


class Row(NamedTuple):
    """A row of a split file.

    Attributes:
        name: File name of the clip, maybe with folders.
        label: Class index, or None if it is not read.
        where: File and number of the line, for errors.
    """

    name: str
    label: int | None
    where: str

    @property
    def clip(self) -> str:
        """The name in a form that is the same for all spellings of a path."""
        return nfc(str(PurePosixPath(self.name)))

    @property
    def stem(self) -> str:
        """Name without its suffix, with its folders."""
        path = PurePosixPath(self.name)
        return str(path.parent / path.stem)


def read_table(
    path: Path, classes: Sequence[str], labelled: bool = True
) -> list[Row]:
    """Read a CSV file of file names and class indices without a header.

    A clip that is listed twice with the same label is logged as a warning.

    Args:
        path: CSV file, see :func:`~mmgmp.datasets.tables.read_lines`.
        classes: Names of the classes.
        labelled: False to read only the file names; the class indices may
            then be absent.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is empty, a row is not of this form, or a clip
            has two labels; see also :func:`~mmgmp.datasets.tables.read_lines`.
    """
    rows = []
    for line in read_lines(path):
        widths = (2,) if labelled else (1, 2)
        if len(line.cells) not in widths or not line.cells[0]:
            raise ValueError(
                f'{line.where}: expected a file name and a class index, '
                f'separated by a comma, got {line.cells}'
            )
        _check_name(line)
        label = _class_index(line, classes) if labelled else None
        rows.append(Row(line.cells[0], label, line.where))
    if not rows:
        raise ValueError(f'annotation file {path} has no rows')
    repeated = count_repeated(rows)
    if repeated:
        warn_once(
            f'{path} repeats {repeated} of its clips in another row: these '
            'count several times'
        )
    return rows


def count_repeated(rows: Iterable[Row]) -> int:
    """Count the rows whose clip is in an earlier row.

    Raises:
        ValueError: If the labels of a clip differ.
    """
    first: dict[str, Row] = {}
    count = 0
    for row in rows:
        other = first.setdefault(row.clip, row)
        count += other is not row
        if None not in (row.label, other.label) and row.label != other.label:
            raise ValueError(
                f'{row.where}: the class index of {row.name!r} is '
                f'{row.label}, but {other.label} in {other.where}: correct '
                'one of the rows'
            )
    return count


def _check_name(line: Line) -> None:
    name = line.cells[0]
    path = PurePosixPath(name)
    if path.is_absolute() or '..' in path.parts or not path.name:
        raise ValueError(
            f'{line.where}: {name!r} must be the name of a file in the folder '
            'of the videos'
        )
    if not name.isprintable():
        raise ValueError(
            f'{line.where}: the file name {name!r} has a control character: '
            'separate the cells by commas, and the rows by line ends'
        )
    if len(line.cells) == 1 and _OTHER_DELIMITER.search(name):
        raise ValueError(
            f'{line.where}: {name!r} must be separated by a comma'
        )


def _class_index(line: Line, classes: Sequence[str]) -> int:
    text = line.cells[1]
    if not _INDEX.fullmatch(text) or int(text) >= len(classes):
        raise ValueError(
            f'{line.where}: the class index must be an integer from 0 to '
            f'{len(classes) - 1}, got {text!r}'
        )
    return int(text)
