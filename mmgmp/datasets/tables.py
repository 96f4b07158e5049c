# Copyright (c) mmgmp authors.
"""Read CSV files of annotations, with errors that name the file and line."""

import codecs
import csv
import functools
import io
import re
from logging import WARNING
from pathlib import Path
from typing import NamedTuple

from mmengine.logging import print_log

# UTF-32 comes first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, 'utf-32'),
    (codecs.BOM_UTF32_BE, 'utf-32'),
    (codecs.BOM_UTF16_LE, 'utf-16'),
    (codecs.BOM_UTF16_BE, 'utf-16'),
)
_LINE_END = re.compile(r'\r\n|\r|\n')


class Line(NamedTuple):
    """A row of a CSV file.

    Attributes:
        where: File and number of the line, for errors.
        cells: Text of the cells, without blanks around it.
    """

    where: str
    cells: list[str]


def read_lines(path: Path) -> list[Line]:
    """Read the rows of a CSV file with commas, without blank lines.

    The encoding is UTF-8, or UTF-16 or UTF-32 with a byte order mark. Byte
    order marks are removed, also from a file that was joined of several. Lines
    end with LF, CRLF or CR.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the path is a folder, the text has another encoding or
            a NUL byte, or the quotes of a line do not match.
    """
    # A quoted cell may contain line ends, so `csv` splits the text.
    file = io.StringIO(_read_text(path), newline='')
    reader = csv.reader(file, strict=True)
    lines = []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if cells not in ([], ['']):
                where = f'{path}, line {reader.line_num}'
                lines.append(Line(where, cells))
    except csv.Error as error:
        raise ValueError(
            f'{path}, line {reader.line_num}: not a row of a CSV file: {error}'
        ) from error
    return lines


def read_names(path: Path) -> tuple[str, ...]:
    """Read a text file with a name in each line, without blank lines.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: See :func:`read_lines`.
    """
    names = map(str.strip, _LINE_END.split(_read_text(path)))
    return tuple(filter(None, names))


def _read_text(path: Path) -> str:
    if path.is_dir():
        raise ValueError(f'annotation file {path} is a folder')
    if not path.is_file():
        raise FileNotFoundError(f'annotation file {path} is missing')
    return _decode(path.read_bytes(), path)


def _decode(data: bytes, path: Path) -> str:
    encoding = 'utf-8'
    for mark, name in _MARKS:
        if data.startswith(mark):
            encoding = name
            break
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, 'ignore')
        raise ValueError(
            f'{path}, line {_count_lines(before)}: the text is not '
            f'{encoding.upper()} ({error.reason}): save the file as UTF-8'
        ) from error
    if '\0' in text:
        number = _count_lines(text.partition('\0')[0])
        raise ValueError(
            f'{path}, line {number}: the text has a NUL byte: the file is '
            'damaged, or UTF-16 without a byte order mark; save it as UTF-8'
        )
    return re.sub('(^|[\r\n])\ufeff+', r'\1', text)


def _count_lines(text: str) -> int:
    return len(_LINE_END.findall(text)) + 1


@functools.cache
def warn_once(message: str) -> None:
    """Log a warning, unless this process has logged the same one."""
    print_log(message, logger='current', level=WARNING)
