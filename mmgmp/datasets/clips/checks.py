# Copyright (c) mmgmp authors.
"""Check one's own clips before they are trained on."""

import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.progress import track

from ..files import Folders
from ..media.audio import (
    EmptyWindowError,
    has_audio_track,
    read_audio,
    read_audio_track,
)
from ..media.container import CorruptMediaError, check_complete
from ..media.segments import SegmentReader
from ..media.times import FrameTimes
from ..media.video import VideoReader
from ..media_checks import Fault, check_video, equal_files, tolerance
from .table import Clip

# Sound may be shorter than its picture by 5 % of it, but not by more seconds
# than these, so that it always covers a part of the sampled clip.
_MAX_GAP = 1.0


class ClipReport(NamedTuple):
    """What was found in the files of a clip.

    Attributes:
        faults: Faults of the kinds 'missing', 'unreadable' (broken, or no
            video), 'silent' (no audio track, or only zeros) and 'short'
            (sound or a file that does not cover the clip).
        seconds: Length of the picture, or 0 if it cannot be read.
        frame_rate: Frames per second, or 0.
        size: Height and width of a stored frame, or (0, 0).
    """

    faults: tuple[Fault, ...]
    seconds: float = 0.0
    frame_rate: float = 0.0
    size: tuple[int, int] = (0, 0)


def inspect_clip(
    filename: str,
    audio: str = '',
    start: float | None = None,
    stop: float | None = None,
    decode: bool = False,
) -> ClipReport:
    """Check the picture and the sound of a clip.

    The header and all packets of the video are read, and the first, the
    middle and the last frame of the clip and its whole sound are decoded.

    Args:
        filename: Video file.
        audio: Sound file, or '' for the audio track of the video.
        start: Start in seconds after the first frame, or None.
        stop: End in seconds after the first frame, or None.
        decode: Whether to decode the whole video file.
    """
    for path in filter(None, (filename, audio)):
        if not os.path.exists(path):
            fault = Fault('missing', path, f'{path} is missing')
            return ClipReport((fault,))
    try:
        if decode:
            check_video(filename, decode=True)
        file = VideoReader(filename)
        try:
            times = file.frame_times
            whole = times.duration(len(file))
            check_complete(filename, whole)
            clip = SegmentReader(file, times, start, stop, filename)
            images = clip.read(sorted({0, len(clip) // 2, len(clip) - 1}))
        finally:
            file.close()
    except (CorruptMediaError, OSError) as error:
        return ClipReport((Fault('unreadable', filename, str(error)),))
    faults = []
    seconds = clip.frame_times.duration(len(clip))
    if stop is not None and stop > whole + tolerance(seconds):
        message = f'{filename} lasts {whole:.2f} s, but `stop` is {stop:g} s'
        faults.append(Fault('short', filename, message))
    window = clip.frame_times.window(np.array([0, len(clip) - 1]))
    faults += _sound_faults(filename, audio, clip.frame_times, window)
    return ClipReport(
        tuple(faults), seconds, file.frame_rate, images[0].shape[:2]
    )


def _sound_faults(
    filename: str,
    audio: str,
    times: FrameTimes,
    window: tuple[float, float],
) -> list[Fault]:
    """Check that the sound of a clip is there, and covers it."""
    read, path = (read_audio, audio) if audio else (read_audio_track, filename)
    begin, end = window
    if audio:
        begin, end = begin - times.sound_begin, end - times.sound_begin
    gap = min(tolerance(end - begin), _MAX_GAP)
    try:
        if not audio and not has_audio_track(filename):
            message = f'{filename} has no audio track'
            return [Fault('silent', path, message)]
        wave, rate = read(path, begin, end)
        if not wave.any():
            message = f'the sound of {path} is silent: every sample is zero'
            return [Fault('silent', path, message)]
        read(path, begin, begin + gap)
        lacking = end - begin - len(wave) / rate
        if lacking > gap:
            message = (
                f'the sound of {path} ends {lacking:.2f} s before the picture'
            )
            return [Fault('short', path, message)]
    except EmptyWindowError as error:
        message = f'the sound of {path} does not cover the picture: {error}'
        return [Fault('short', path, message)]
    except (CorruptMediaError, OSError) as error:
        return [Fault('unreadable', path, str(error))]
    return []


def inspect_clips(
    root: Path, clips: Sequence[Clip], decode: bool, workers: int
) -> tuple[list[str], list[ClipReport]]:
    """Check the files of several clips.

    Args:
        root: Folder that the paths are relative to.
        clips: The clips.
        decode: See :func:`inspect_clip`.
        workers: Clips to check at a time.

    Returns:
        For each clip, its video file and what was found.
    """
    names = Folders()
    videos = [names.find(root, clip.path) for clip in clips]
    with ThreadPoolExecutor(workers) as pool:
        pending = [
            pool.submit(
                inspect_clip,
                video,
                names.find(root, clip.audio) if clip.audio else '',
                clip.start,
                clip.stop,
                decode,
            )
            for video, clip in zip(videos, clips)
        ]
        progress = track(pending, f'Checking {len(clips)} clips')
        return videos, [future.result() for future in progress]


def copy_faults(
    clips: Sequence[Clip], videos: Sequence[str]
) -> dict[int, Fault]:
    """Find clips that are copies of another one.

    Args:
        clips: The clips.
        videos: Their files.

    Returns:
        Index of a clip -> fault. Copies with different classes or domains are
        all faulty, otherwise the first one is not.
    """
    rows = defaultdict(list)
    for index, video in enumerate(videos):
        rows[video].append(index)
    faults = {}
    for same in equal_files(rows):
        places = {clips[i][1:3] for path in same for i in rows[path]}
        for path in same if len(places) > 1 else same[1:]:
            other = same[path == same[0]]
            for i in rows[path]:
                message = (
                    f'{path} (domain {clips[i].domain}, class '
                    f'{clips[i].label}) is the same video as {other}'
                )
                faults[i] = Fault('duplicate', path, message)
    return faults
