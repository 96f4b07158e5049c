# Copyright (c) mmgmp authors.
"""Reading of video and audio files, with errors that name the file."""

import os
from contextlib import contextmanager
from fractions import Fraction

import av
import mmcv
import numpy as np
import soundfile
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

# Sizes that a writer leaves in a RIFF header when it cannot seek back.
_UNKNOWN_RIFF_SIZES = (0, 0xFFFFFFFF)


class CorruptMediaError(ValueError):
    """A media file is missing, empty, truncated, undecodable or silent."""


class EmptyWindowError(CorruptMediaError):
    """No sample of a sound file lies in the window asked for."""


@contextmanager
def naming(path: str):
    """Turn an error of a decoder into one that names the file."""
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
    """Open a media file, which the caller closes."""
    with naming(path):
        # Clips cut by old tools carry metadata that are no valid UTF-8.
        return av.open(path, metadata_errors='ignore')


def video_stream(container: InputContainer, path: str) -> VideoStream:
    """First video stream of a file, which must state its frame rate."""
    if not container.streams.video:
        raise CorruptMediaError(f'media file {path} has no video stream')
    stream = container.streams.video[0]
    if not stream.average_rate:
        raise CorruptMediaError(f'media file {path} states no frame rate')
    return stream


def read_frame_rate(path: str) -> Fraction:
    """Frames per second of a video file, from its header.

    Raises:
        CorruptMediaError: If the file cannot be read or has no frame rate.
    """
    with open_container(path) as container, naming(path):
        return video_stream(container, path).average_rate


def read_video(
    path: str, short_side: int | None = None
) -> tuple[np.ndarray, Fraction]:
    """Decode all frames of a video file.

    Args:
        path: Video file.
        short_side: Length in pixels to which the shorter side is resized,
            with the aspect ratio kept, as MMAction2's ``Resize`` does it;
            None keeps the size.

    Returns:
        RGB frames (T, H, W, 3) uint8 and the frames per second.

    Raises:
        CorruptMediaError: If the file is missing, empty or truncated, or
            cannot be decoded.
    """
    # One converter for all frames: a new one for each costs more than the
    # decoding of a small frame.
    convert = VideoReformatter()
    frames = []
    with open_container(path) as container, naming(path):
        stream = video_stream(container, path)
        # Threads cost more than they give on short, small clips, and the
        # workers of the data loader already occupy the cores.
        stream.thread_type = 'NONE'
        for frame in container.decode(stream):
            image = convert.reformat(frame, format='rgb24', threads=1)
            image = image.to_ndarray()
            if short_side is not None:
                height, width = image.shape[:2]
                size = mmcv.rescale_size((width, height), (np.inf, short_side))
                image = mmcv.imresize(image, size, interpolation='bilinear')
            frames.append(image)
        rate = stream.average_rate
    if not frames:
        raise CorruptMediaError(f'media file {path} holds no video frame')
    return np.stack(frames), rate


def read_audio(
    path: str, start: float = 0.0, stop: float | None = None
) -> tuple[np.ndarray, int]:
    """Read a window of a sound file, and nothing else of it.

    Args:
        path: Sound file that libsndfile reads (wav, flac, ...).
        start: Begin of the window in seconds.
        stop: End of the window in seconds; None or a time past the end means
            the end of the file.

    Returns:
        Samples (S,) float32 in [-1, 1], averaged over the channels, and the
        samples per second.

    Raises:
        CorruptMediaError: If the file is missing, empty or truncated, cannot
            be decoded, has no sample in the window, or its samples are not
            finite.
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

    The track is decoded from its begin up to ``stop``. The arguments, the
    result and the errors are those of :func:`read_audio`; a file without an
    audio track is a :class:`CorruptMediaError` too.
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
                # The track may begin later or earlier than the video.
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
    """First and last + 1 sample of a window.

    Args:
        path: File that the samples come from, for the error.
        total: Number of samples.
        rate: Samples per second.
        begin: Time of the first sample in seconds.
        start: Begin of the window in seconds.
        stop: End of the window in seconds; None means all that follows.

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
            f'{begin + total / rate:.2f} s, and the clip from {start:.2f} s '
            f'to {to}'
        )
    return first, last


def _mono(wave: np.ndarray, path: str) -> np.ndarray:
    """Mean of the channels of a waveform (channels, S)."""
    wave = wave.mean(axis=0, dtype=np.float32)
    if not np.isfinite(wave).all():
        raise CorruptMediaError(
            f'media file {path} has audio samples that are not finite'
        )
    return wave


def _check_riff_size(path: str) -> None:
    """Refuse a wav file shorter than its header says.

    libsndfile reads such a file without complaint.
    """
    with open(path, 'rb') as file:
        header = file.read(8)
    size = int.from_bytes(header[4:], 'little')
    if header[:4] != b'RIFF' or size in _UNKNOWN_RIFF_SIZES:
        return
    found = os.path.getsize(path)
    if found < size + 8:
        raise CorruptMediaError(
            f'media file {path} is truncated: it has {found} bytes, and its '
            f'header says {size + 8}'
        )
