# Copyright (c) mmgmp authors.
"""Open media files, with errors that name the file."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from typing import Any, TypeVar, overload

import av
import soundfile
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

# Old cutting tools leave metadata that are not valid UTF-8. PyAV 19 reads them
# without being told.
_METADATA: dict[str, Any] = (
    dict(metadata_errors='ignore')
    if int(av.__version__.partition('.')[0]) < 19
    else {}
)
# Formats whose files name other files or addresses, which FFmpeg would open.
_NAMING_OTHERS = {
    'concat',
    'dash',
    'hls',
    'image2',
    'imf',
    'mlv',
    'rtp',
    'rtsp',
    'sap',
    'sdp',
    'vobsub',
    'webm_dash_manifest',
}
# The text that such files begin with. FFmpeg does not recognize all of them
# under an unusual file name.
_PLAYLIST = re.compile(
    rb'(\xef\xbb\xbf)?\s*(#EXTM3U|ffconcat|\[playlist\]|v=0|<\?xml|<MPD|<asx)',
    re.IGNORECASE,
)
_S = TypeVar('_S', bound=Stream)


class CorruptMediaError(ValueError):
    """A media file is missing, empty, truncated, undecodable or silent."""


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Convert the errors of a decoder to errors that name the file.

    Raises:
        CorruptMediaError: If the file is missing, empty, a folder or a
            device, or the decoder fails.
    """
    if os.path.isdir(path):
        raise CorruptMediaError(f'{path} is a folder, not a media file')
    if not os.path.isfile(path):
        raise CorruptMediaError(
            f'media file {path} is a pipe or a device: copy it to a file'
            if os.path.exists(path)
            else f'media file {path} does not exist'
        )
    if os.path.getsize(path) == 0:
        raise CorruptMediaError(f'media file {path} is empty (0 bytes)')
    try:
        yield
    except (av.FFmpegError, soundfile.SoundFileError) as error:
        raise CorruptMediaError(
            f'media file {path} is truncated or cannot be decoded: {error}'
        ) from error


def open_container(path: str) -> InputContainer:
    """Open a media file, and no other file. The caller closes it.

    Raises:
        CorruptMediaError: See :func:`naming`; also if the file is a playlist
            or something else that names other files.
    """
    with naming(path):
        try:
            return av.open(
                media_url(path),
                container_options=dict(
                    protocol_whitelist='file', format_whitelist=_formats()
                ),
                **_METADATA,
            )
        except av.FFmpegError as error:
            with open(path, 'rb') as file:
                head = file.read(256)
            # FFmpeg reads a picture named a%03d.png as a list of pictures.
            pattern = isinstance(error, av.ArgumentError) and '%' in path
            if pattern or _PLAYLIST.match(head):
                raise CorruptMediaError(
                    f'media file {path} is a playlist or a pattern that names '
                    'other files, which are not opened: pass a file that '
                    'contains the video itself'
                ) from error
            raise


def demux(
    container: InputContainer, stream: Stream, path: str
) -> Iterator[Packet]:
    """Read the packets of a stream.

    Raises:
        CorruptMediaError: If the file has more streams than its header says.
    """
    try:
        yield from container.demux(stream)
    except IndexError as error:
        raise CorruptMediaError(
            f'media file {path} is damaged: it has packets of an unknown '
            'stream'
        ) from error


@overload
def decode(
    container: InputContainer, stream: VideoStream, path: str
) -> Iterator[VideoFrame]: ...


@overload
def decode(
    container: InputContainer, stream: AudioStream, path: str
) -> Iterator[AudioFrame]: ...


def decode(container, stream, path):
    """Decode the frames of a stream, see :func:`demux`."""
    for packet in demux(container, stream, path):
        yield from packet.decode()


def media_url(path: str) -> str:
    """Write a path such that FFmpeg takes no part of it for a protocol.

    Example:
        >>> media_url('2024-11-14T22:57:44.mp4')
        'file:2024-11-14T22:57:44.mp4'
    """
    return f'file:{path}'


def video_stream(
    container: InputContainer, path: str
) -> tuple[VideoStream, Fraction]:
    """Get the main video stream of a file, and its frames per second.

    A cover picture counts only if there is no other video stream.

    Raises:
        CorruptMediaError: If there is no video stream, no decoder for it or
            no frame rate.
    """
    streams = container.streams.video
    stream = _main(
        [s for s in streams if not s.disposition & Disposition.attached_pic]
        or streams,
        path,
        'video stream',
    )
    rate = stream.average_rate
    if not rate and not stream.disposition & Disposition.attached_pic:
        # The header does not say it.
        rate = stream.guessed_rate
    if not rate:
        raise CorruptMediaError(f'media file {path} has no frame rate')
    return stream, rate


def check_complete(path: str, seconds: float) -> None:
    """Check that the picture of a file is as long as its header says.

    The packets that a copy has not got are simply absent. Some containers
    state no length.

    Args:
        path: Video file.
        seconds: Length of the picture, by the packets in the file.

    Raises:
        CorruptMediaError: If more than 5 % and 0.2 s are missing.
    """
    with open_container(path) as container, naming(path):
        stream, _ = video_stream(container, path)
        if stream.duration is None or stream.time_base is None:
            return
        stated = float(stream.duration * stream.time_base)
    if stated - seconds > max(0.2, 0.05 * stated):
        raise CorruptMediaError(
            f'media file {path} is truncated: it has {seconds:.2f} s of '
            f'{stated:.2f} s: copy it again'
        )


def audio_stream(container: InputContainer, path: str) -> AudioStream:
    """Get the main audio track of a file.

    Raises:
        CorruptMediaError: If there is no audio track or no decoder for it.
    """
    return _main(container.streams.audio, path, 'audio track')


def _main(streams: Sequence[_S], path: str, kind: str) -> _S:
    """Choose the default stream, or the first, of those with a decoder."""
    if not streams:
        raise CorruptMediaError(f'media file {path} has no {kind}')
    known = [s for s in streams if s.codec_context is not None]
    if not known:
        raise CorruptMediaError(
            f'media file {path} has no {kind} that can be decoded: its codec '
            'is unknown'
        )
    default = [s for s in known if s.disposition & Disposition.default]
    return (default or known)[0]


@cache
def _formats() -> str:
    names = {n for names in av.formats_available for n in names.split(',')}
    return ','.join(sorted(names - _NAMING_OTHERS))
