# Copyright (c) mmgmp authors.
"""Check that media files exist, can be read and fit their clips."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from .media.audio import EmptyWindowError, read_audio, read_audio_track
from .media.container import (
    CorruptMediaError,
    naming,
    open_container,
    video_stream,
)
from .media.frames import flow_frame_paths, frame_paths, read_frame
from .media.times import frame_times
from .media.video import VideoReader

_MIN_TOLERANCE = 0.1  # seconds


class Fault(NamedTuple):
    """A fault of a data set.

    Its kind is 'missing', 'unreadable', 'short' (sound that does not cover its
    clip), 'duplicate' (one clip with two domains or labels), 'surplus' or
    'rows'.
    """

    kind: str
    path: str
    message: str


class MediaFile(NamedTuple):
    """A file of a sample.

    Attributes:
        path: Its path.
        kind: 'video', 'audio' or 'image'.
        stand_in: Video whose audio track can replace it, or None.
    """

    path: str
    kind: str
    stand_in: str | None = None


def media_files(item: dict, modalities: Sequence[str]) -> Iterator[MediaFile]:
    """Yield the files of an item."""
    if 'video' in modalities:
        if 'frame_dir' in item:
            for path in frame_paths(item):
                yield MediaFile(path, 'image')
        else:
            yield MediaFile(item['filename'], 'video')
    if 'audio' in modalities:
        # The track of a clip cannot replace the sound of the whole video.
        track = None if 'audio_start' in item else item['filename']
        yield MediaFile(item['audio_path'], 'audio', track)
    for path in item.get('flow_paths', ()):
        yield MediaFile(path, 'video')
    if 'flow_dir' in item:
        for path in chain(*flow_frame_paths(item)):
            yield MediaFile(path, 'image')


def sound_ends(items: Iterable[dict]) -> dict[str, float]:
    """Get the times at which the sound of whole videos may end.

    Args:
        items: Items; those with ``audio_stop`` share the file of a video.

    Returns:
        Sound file -> the latest end of an action in seconds, less the
        tolerance of :func:`check_file`.
    """
    ends: dict[str, float] = defaultdict(float)
    for item in items:
        if 'audio_stop' in item:
            path, stop = item['audio_path'], item['audio_stop']
            end = stop - tolerance(stop - item['audio_start'])
            ends[path] = max(ends[path], end)
    return ends


def check_file(
    file: MediaFile, decode: bool = False, end: float | None = None
) -> Fault | None:
    """Check that a file exists, can be read and, if sound, covers its clip.

    The sound may begin later or end earlier than the clip by 5 % of its
    length, or 0.1 s for a shorter clip than 2 s. The delays and blocks of
    encoders are less than that.

    Args:
        file: The file.
        decode: Whether to decode the whole file instead of only its header.
        end: Time in seconds to which the sound lasts at least. Without it, the
            sound covers the video ``file.stand_in``.
    """
    begin = sound_begin = 0.0
    if file.kind == 'audio' and file.stand_in is not None:
        begin, sound_begin, seconds = _span(file.stand_in)
        if seconds is not None and end is None:
            end = seconds - tolerance(seconds)
    if os.path.exists(file.path):
        try:
            if file.kind == 'audio':
                return _check_sound(
                    read_audio, file.path, decode, end, begin - sound_begin
                )
            _CHECKS[file.kind](file.path, decode)
        except (CorruptMediaError, OSError) as error:
            return Fault('unreadable', file.path, str(error))
        return None
    message = f'{file.path} is missing'
    if file.stand_in is None or not os.path.exists(file.stand_in):
        return Fault('missing', file.path, message)
    try:
        return _check_sound(
            read_audio_track, file.stand_in, decode, end, begin
        )
    except CorruptMediaError as error:
        return Fault('missing', file.path, f'{message}, and {error}')


def _check_sound(
    read: Callable,
    path: str,
    decode: bool,
    end: float | None,
    begin: float = 0.0,
) -> Fault | None:
    """Check that sound can be read from ``begin`` for ``end`` seconds.

    Raises:
        CorruptMediaError: If it cannot be read.
    """
    if decode:
        read(path)
    try:
        read(path, begin, begin + tolerance(end or 0.0))
        if end is not None:
            read(path, begin + end, begin + end + _MIN_TOLERANCE)
    except EmptyWindowError as error:
        message = f'{path} does not cover its clip: {error}'
        return Fault('short', path, message)
    return None


def tolerance(seconds: float) -> float:
    """Get the seconds by which sound may differ from a clip of a length."""
    return max(_MIN_TOLERANCE, 0.05 * seconds)


def _span(path: str) -> tuple[float, float, float | None]:
    """Get the times of the first frame and sample of a video, and its length.

    A sound file is supposed to have been cut out of the audio track. The
    length is None if the header does not say it.
    """
    try:
        with open_container(path) as container, naming(path):
            stream, rate = video_stream(container, path)
            times = frame_times((), container, path)
            seconds = None
            if stream.frames:
                seconds = float(stream.frames / rate)
            elif stream.duration:
                seconds = stream.duration * float(stream.time_base or 0)
            return times.begin, times.sound_begin, seconds
    except CorruptMediaError:
        return 0.0, 0.0, None  # a fault of the video


def duplicate_faults(
    items: Mapping[tuple[str, str], Sequence[dict]],
) -> list[Fault]:
    """Find equal video files of different domains or with different labels.

    Args:
        items: (domain, split) -> items.
    """
    places: dict[str, tuple] = {}
    for split in items.values():
        for item in split:
            place = item['domain_name'], item.get('label')
            places.setdefault(item['filename'], place)
    faults = []
    for paths in equal_files(places):
        for path in paths[1:]:
            if places[path] != places[paths[0]]:
                names = [
                    f'{p} (domain {places[p][0]}, class {places[p][1]})'
                    for p in (path, paths[0])
                ]
                message = f'{names[0]} is the same video as {names[1]}'
                faults.append(Fault('duplicate', path, message))
    return faults


def equal_files(paths: Iterable[str]) -> list[list[str]]:
    """Find files with the same content, without those that do not exist.

    Args:
        paths: Files, each once.

    Returns:
        Sets of equal files.
    """
    sizes = defaultdict(list)
    for path in filter(os.path.isfile, paths):
        sizes[os.path.getsize(path)].append(path)
    equal = defaultdict(list)
    for size, same_size in sizes.items():
        for path in same_size if size and len(same_size) > 1 else ():
            content = Path(path).read_bytes()
            equal[hashlib.sha256(content).digest()].append(path)
    return [same for same in equal.values() if len(same) > 1]


def check_video(path: str, decode: bool) -> None:
    """Check that a video can be read, see :func:`check_file`.

    Raises:
        CorruptMediaError: If it cannot.
    """
    if not decode:
        with open_container(path) as container, naming(path):
            video_stream(container, path)
        return
    reader = VideoReader(path)
    length = len(reader)
    reader.close()
    with open_container(path) as container, naming(path):
        frames = container.decode(video_stream(container, path)[0])
        corrupt = [frame.is_corrupt for frame in frames]
    if any(corrupt) or len(corrupt) < length:
        raise CorruptMediaError(
            f'media file {path} is damaged: {len(corrupt)} of {length} frames '
            f'can be decoded, {sum(corrupt)} of them with errors'
        )


def _check_image(path: str, decode: bool) -> None:
    if decode:
        read_frame(path)
        return
    with open(path, 'rb') as file:
        if file.read(3) != b'\xff\xd8\xff':
            raise CorruptMediaError(f'media file {path} is not a JPEG image')


_CHECKS = dict(video=check_video, image=_check_image)
