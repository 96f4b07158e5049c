# Copyright (c) mmgmp authors.
"""Compare the sizes in the header of a wav file with the file."""

import os
from functools import cache
from logging import WARNING
from typing import BinaryIO, Literal, NamedTuple

from mmengine.logging import print_log

from .container import CorruptMediaError

# Sizes that are written before the length of the sound is known: recorders
# and converters that write to a pipe cannot go back to correct them. Some
# subtract the bytes of the header or round to whole samples.
_PLACEHOLDERS = (0x7F000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_SLACK = 4096


class _Layout(NamedTuple):
    """How a variant of RIFF stores its chunks: name, size, content."""

    order: Literal['little', 'big']
    name_bytes: int = 4
    size_bytes: int = 4
    head: int = 12  # bytes before the first chunk
    align: int = 2
    inclusive: bool = False  # whether a size counts the name and itself


_LAYOUTS = {
    b'RIFF': _Layout('little'),
    b'RIFX': _Layout('big'),
    b'RF64': _Layout('little'),
    b'BW64': _Layout('little'),
    # Sony Wave64
    b'riff': _Layout('little', 16, 8, 40, 8, True),
}


class _Chunk(NamedTuple):
    name: bytes
    begin: int
    size: int


def is_open_ended(path: str) -> bool:
    """Check whether a wav file says that it has no sound, but has some.

    libsndfile reads nothing of such a file, and a file that is shorter than
    its header says without an error.

    Raises:
        CorruptMediaError: If the file is shorter than its header says by two
            bytes or more, and the header has not been left unfinished.
    """
    found = os.path.getsize(path)
    with open(path, 'rb') as file:
        layout = _LAYOUTS.get(file.read(4))
        if layout is None:
            return False
        data = _find_data(file, layout, found)
        if data is None:
            return False
        after = _read_chunk(file, layout, data.begin)
    left = found - data.begin
    if data.size == 0:
        other = (
            after is not None
            and after.name.strip().isalnum()
            and after.begin + after.size <= found
        )
        open_ended = left > 0 and not other
    else:
        open_ended = False
        if data.size - left >= 2 and not _is_placeholder(data.size):
            raise CorruptMediaError(
                f'media file {path} is truncated: it has {found} bytes, but '
                f'its header says {data.begin + data.size}'
            )
    if open_ended or data.size > left:
        _warn(path, data.size, left)
    return open_ended


def _find_data(file: BinaryIO, layout: _Layout, found: int) -> _Chunk | None:
    """Find the chunk of the samples, with its 64-bit size if it has one."""
    place, long_size = layout.head, None
    while chunk := _read_chunk(file, layout, place):
        if chunk.name == b'ds64':
            sizes = file.read(16)
            long_size = int.from_bytes(sizes[8:], 'little')
        if chunk.name == b'data':
            if long_size is not None and chunk.size == 0xFFFFFFFF:
                return chunk._replace(size=long_size or chunk.size)
            return chunk
        place = chunk.begin + -(-chunk.size // layout.align) * layout.align
        if place >= found:
            break
    return None


def _read_chunk(file: BinaryIO, layout: _Layout, place: int) -> _Chunk | None:
    file.seek(place)
    head = file.read(layout.name_bytes + layout.size_bytes)
    if len(head) < layout.name_bytes + layout.size_bytes:
        return None
    size = int.from_bytes(head[layout.name_bytes :], layout.order)
    if layout.inclusive:
        size = max(size - len(head), 0)
    return _Chunk(head[:4], place + len(head), size)


def _is_placeholder(size: int) -> bool:
    return any(abs(size - value) <= _SLACK for value in _PLACEHOLDERS)


@cache
def _warn_once() -> list[str]:
    return []


def _warn(path: str, size: int, left: int) -> None:
    """Warn about the first such file of the process."""
    warned = _warn_once()
    if not warned:
        warned.append(path)
        print_log(
            f'the header of {path} says that {size} bytes of sound follow, '
            f'but {left} do, as if it had been written to a pipe; the file is '
            'read to its end, and so are other files of this kind, without '
            'another warning',
            logger='current',
            level=WARNING,
        )
