# Copyright (c) mmgmp authors.
"""Open media files, with errors that name the file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import av
import soundfile
from av.container import InputContainer
from av.video.stream import VideoStream


class CorruptMediaError(ValueError):
    """A media file is missing, empty, truncated, undecodable or silent."""


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Convert the errors of a decoder to errors that name the file.

    Raises:
        CorruptMediaError: If the file is missing, empty or a folder, or the
            decoder fails.
    """
    if os.path.isdir(path):
        raise CorruptMediaError(f'{path} is a folder, not a media file')
    if not os.path.isfile(path):
        raise CorruptMediaError(f'media file {path} does not exist')
    if os.path.getsize(path) == 0:
        raise CorruptMediaError(f'media file {path} is empty (0 bytes)')
    try:
        yield
    except (av.FFmpegError, soundfile.SoundFileError) as error:
        raise CorruptMediaError(
            f'media file {path} is truncated or cannot be decoded: {error}'
        ) from error


def open_container(path: str) -> InputContainer:
    """Open a media file. The caller closes it."""
    with naming(path):
        # Old cutting tools leave metadata that are not valid UTF-8.
        return av.open(path, metadata_errors='ignore')


def video_stream(
    container: InputContainer, path: str
) -> tuple[VideoStream, Fraction]:
    """Get the first video stream of a file, and its frames per second.

    Raises:
        CorruptMediaError: If there is no video stream or no frame rate.
    """
    if not container.streams.video:
        raise CorruptMediaError(f'media file {path} has no video stream')
    stream = container.streams.video[0]
    if not stream.average_rate:
        raise CorruptMediaError(f'media file {path} has no frame rate')
    return stream, stream.average_rate
