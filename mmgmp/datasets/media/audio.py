# Copyright (c) mmgmp authors.
"""Read sound files and the audio tracks of videos."""

import os

import av
import numpy as np
import soundfile

from .container import CorruptMediaError, naming, open_container

# Sizes that a writer leaves in a RIFF header when it cannot seek back.
_UNKNOWN_RIFF_SIZES = (0, 0xFFFFFFFF)


class EmptyWindowError(CorruptMediaError):
    """A sound file has no sample in the requested window."""


def read_audio(
    path: str, start: float = 0.0, stop: float | None = None
) -> tuple[np.ndarray, int]:
    """Read a window of a sound file without reading the rest.

    Args:
        path: Sound file that libsndfile reads (wav, flac, ...).
        start: Start of the window in seconds.
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
        _check_riff_size(path)
        with soundfile.SoundFile(path) as file:
            rate, total = file.samplerate, file.frames
            first, last = _window(path, total, rate, 0.0, start, stop)
            file.seek(first)
            wave = file.read(last - first, dtype='float32', always_2d=True)
    return _mono(wave.T, path), rate


def read_audio_track(
    path: str, start: float = 0.0, stop: float | None = None
) -> tuple[np.ndarray, int]:
    """Read a window of the audio track of a video file.

    The track is decoded from its start up to ``stop``. The arguments, the
    result and the errors are those of :func:`read_audio`. A file without an
    audio track also raises :class:`CorruptMediaError`.
    """
    chunks, length, begin = [], 0, None
    with open_container(path) as container, naming(path):
        if not container.streams.audio:
            raise CorruptMediaError(f'media file {path} has no audio track')
        stream = container.streams.audio[0]
        rate = stream.rate
        resampler = av.AudioResampler(format='fltp')
        for frame in container.decode(stream):
            if begin is None:
                # The track may start later or earlier than the video.
                begin = frame.time or 0.0
            for planar in resampler.resample(frame):
                chunks.append(planar.to_ndarray())
                length += chunks[-1].shape[1]
            if stop is not None and length >= round((stop - begin) * rate):
                break
    first, last = _window(path, length, rate, begin or 0.0, start, stop)
    return _mono(np.concatenate(chunks, axis=1)[:, first:last], path), rate


def _window(
    path: str,
    total: int,
    rate: int,
    begin: float,
    start: float,
    stop: float | None,
) -> tuple[int, int]:
    """Get the first sample of a window and the one after its last.

    Args:
        path: File of the samples, for the error.
        total: Number of samples.
        rate: Samples per second.
        begin: Time of the first sample in seconds.
        start: Start of the window in seconds.
        stop: End of the window in seconds. None means the end of the file.

    Raises:
        EmptyWindowError: If no sample is in the window.
    """
    first = max(0, round((start - begin) * rate))
    last = total
    if stop is not None:
        last = min(total, round((stop - begin) * rate))
    if first >= last:
        to = 'its end' if stop is None else f'{stop:.2f} s'
        raise EmptyWindowError(
            f'the audio of media file {path} lasts from {begin:.2f} to '
            f'{begin + total / rate:.2f} s, but the clip from {start:.2f} s '
            f'to {to}'
        )
    return first, last


def _mono(wave: np.ndarray, path: str) -> np.ndarray:
    """Average the channels of a waveform (channels, S)."""
    wave = wave.mean(axis=0, dtype=np.float32)
    if not np.isfinite(wave).all():
        raise CorruptMediaError(
            f'media file {path} has audio samples that are not finite'
        )
    return wave


def _check_riff_size(path: str) -> None:
    """Reject a wav file that is shorter than its header says.

    libsndfile reads such a file without an error.
    """
    with open(path, 'rb') as file:
        header = file.read(8)
    size = int.from_bytes(header[4:], 'little')
    if header[:4] != b'RIFF' or size in _UNKNOWN_RIFF_SIZES:
        return
    found = os.path.getsize(path)
    if found < size + 8:
        raise CorruptMediaError(
            f'media file {path} is truncated: it has {found} bytes, but its '
            f'header says {size + 8}'
        )
