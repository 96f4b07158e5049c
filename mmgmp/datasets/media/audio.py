# Copyright (c) mmgmp authors.
"""Read sound files and the audio tracks of videos."""

import os
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
import soundfile
from av.audio.frame import AudioFrame
from av.container import InputContainer

from .container import (
    CorruptMediaError,
    audio_stream,
    decode,
    naming,
    open_container,
)
from .wav import is_open_ended

# Seconds by which the time of a block of samples may differ from the end of
# the block before it. Containers round times, to milliseconds for example, and
# recorders let them jitter; a longer gap is a dropout.
_JITTER = 0.04
# Formats in whose files libsndfile may miscount the samples, and the number of
# samples that it gives if it does not know it.
_UNCOUNTED = ('MP3',)
_UNKNOWN = 1 << 48
# A later window of a track is reached by a jump to some seconds before it, in
# files that have an index. A decoder needs less than these to settle.
_SEEK_FROM, _SETTLE = 30.0, 1.0
_WITH_INDEX = ('mp4', 'matroska')


class EmptyWindowError(CorruptMediaError):
    """A sound file has no sample in the requested window."""


def read_audio(
    path: str, start: float | None = None, stop: float | None = None
) -> tuple[np.ndarray, int]:
    """Read a window of a sound file without reading the rest.

    Args:
        path: Sound file that libsndfile reads (wav, flac, ...).
        start: Start of the window in seconds. Before the first sample, the
            sound is zero. None means the first sample.
        stop: End of the window in seconds. None or a time past the end means
            the end of the file.

    Returns:
        Samples (S,) float32 in [-1, 1], averaged over the channels, and the
        samples per second.

    Raises:
        CorruptMediaError: If the file is missing, empty or truncated, cannot
            be decoded, has no sample in the window, or has samples that are
            not finite.
    """
    with naming(path):
        if is_open_ended(path):
            return _decode(path, start, stop, of_file=False)
        # Bytes, since a name need not be valid text; absolute, since
        # libsndfile takes `-` for the standard input.
        name = os.fsencode(os.path.abspath(path))
        with soundfile.SoundFile(name) as file:
            rate, total = file.samplerate, file.frames
            if file.format in _UNCOUNTED or total >= _UNKNOWN:
                return _decode(path, start, stop, of_file=False)
            first, last = _window(path, total, rate, 0.0, start, stop)
            place = max(first, 0)
            file.seek(place)
            wave = file.read(last - place, dtype='float32', always_2d=True).T
    if wave.shape[1] < last - place:
        raise CorruptMediaError(
            f'media file {path} is truncated: it has '
            f'{place + wave.shape[1]} samples, but its header says {total}'
        )
    wave = _mono(wave)
    _check_finite(wave, path)
    return np.pad(wave, (place - first, 0)), rate


def read_audio_track(
    path: str, start: float | None = None, stop: float | None = None
) -> tuple[np.ndarray, int]:
    """Read a window of the audio track of a video file.

    The track is decoded up to ``stop``. In mp4 and Matroska, decoding starts
    shortly before a window that is late in a long file. The arguments, the
    result and the errors are those of :func:`read_audio`, but times are those
    of the file, in which the first sample need not be at 0. The sound is zero
    where the track pauses. If the sample rate changes on the way, all samples
    are resampled to the first one. A file without an audio track also raises
    :class:`CorruptMediaError`.
    """
    return _decode(path, start, stop, of_file=True)


def _decode(
    path: str,
    start: float | None,
    stop: float | None,
    of_file: bool,
    may_seek: bool = True,
) -> tuple[np.ndarray, int]:
    """Decode a window with FFmpeg, see :func:`read_audio_track`.

    Args:
        path: Media file.
        start: Start of the window in seconds, or None.
        stop: End of the window in seconds, or None.
        of_file: Whether times are those of the file. Otherwise the first
            sample is at 0.
        may_seek: Whether to jump to a late window.
    """
    blocks: list[tuple[int, np.ndarray]] = []
    begin, origin, rate, end = 0.0, 0.0, 0, 0
    sought, late = False, 0
    with open_container(path) as container, naming(path):
        stream = audio_stream(container, path)
        for frame in _of_one_rate(decode(container, stream, path)):
            if not rate:
                # The track may start later or earlier than the video.
                rate, origin = frame.sample_rate, frame.time or 0.0
                begin = origin if of_file else 0.0
                if may_seek and start and _is_late(start, container):
                    tick = stream.time_base or Fraction(1, rate)
                    place = round((start - _SETTLE) / tick)
                    container.seek(place, stream=stream)
                    sought, late = True, round((start - begin) * rate)
                    continue
            place = end
            if frame.time is not None:
                place = round((frame.time - origin) * rate)
                if place < end + _JITTER * rate:
                    place = end
            end = place + frame.samples
            if start is None or end > round((start - begin) * rate):
                samples = frame.to_ndarray()
                if not frame.format.is_planar:
                    samples = samples.reshape(frame.samples, -1).T
                if sought and not blocks and place > late:
                    # The index led too far.
                    return _decode(path, start, stop, of_file, False)
                blocks.append((place, _mono(samples)))
            if stop is not None and end >= round((stop - begin) * rate):
                break
    first, last = _window(path, end, rate or 1, begin, start, stop)
    wave = np.zeros(last - first, np.float32)
    for place, block in blocks:
        low, high = max(place, first), min(place + len(block), last)
        if low < high:
            wave[low - first : high - first] = block[
                low - place : high - place
            ]
    _check_finite(wave, path)
    return wave, rate


def _is_late(start: float, container: InputContainer) -> bool:
    """Check whether a window is so late that a jump to it saves time."""
    return start > _SEEK_FROM and any(
        name in container.format.name for name in _WITH_INDEX
    )


def _of_one_rate(frames: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    """Convert sound to floats, and to its first sample rate.

    The layout may change on the way, for example in recorded broadcasts.
    """
    rate, form = None, None
    resampler: av.AudioResampler | None = None
    for frame in frames:
        rate = rate or frame.sample_rate
        found = frame.sample_rate, frame.layout.name, frame.format.name
        if resampler is None or found != form:
            if resampler is not None:
                yield from resampler.resample(None)
            form = found
            # PyAV reads beyond the planes of a frame with 8 or more channels.
            many = frame.layout.nb_channels > 7
            resampler = av.AudioResampler('flt' if many else 'fltp', rate=rate)
        yield from resampler.resample(frame)
    if resampler is not None:
        yield from resampler.resample(None)


def has_audio_track(path: str) -> bool:
    """Check whether a video file has an audio track."""
    with open_container(path) as container:
        return bool(container.streams.audio)


def _window(
    path: str,
    total: int,
    rate: int,
    begin: float,
    start: float | None,
    stop: float | None,
) -> tuple[int, int]:
    """Get the first sample of a window and the one after its last.

    Args:
        path: File of the samples, for the error.
        total: Number of samples.
        rate: Samples per second.
        begin: Time of the first sample in seconds.
        start: Start of the window in seconds. None means ``begin``.
        stop: End of the window in seconds. None means the end of the file.

    Returns:
        The first may be negative: the window then starts before the sound.

    Raises:
        EmptyWindowError: If no sample is in the window.
    """
    first = 0 if start is None else round((start - begin) * rate)
    last = total
    if stop is not None:
        last = min(total, round((stop - begin) * rate))
    if max(first, 0) >= last:
        # A track is decoded only up to `stop`.
        end = f'to {begin + total / rate:.2f} s'
        if stop is not None and stop <= begin:
            end = 's on'
        since = 'its start' if start is None else f'{start:.2f} s'
        to = 'its end' if stop is None else f'{stop:.2f} s'
        raise EmptyWindowError(
            f'the audio of media file {path} lasts from {begin:.2f} {end}, '
            f'but the clip from {since} to {to}'
        )
    return first, last


def _mono(wave: np.ndarray) -> np.ndarray:
    """Average the channels of a waveform (channels, S)."""
    return wave.mean(axis=0, dtype=np.float32)


def _check_finite(wave: np.ndarray, path: str) -> None:
    if not np.isfinite(wave).all():
        raise CorruptMediaError(
            f'media file {path} has audio samples that are not finite'
        )
