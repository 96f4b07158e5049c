# Copyright (c) mmgmp authors.
"""Write small copies of videos, which are faster to decode."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import mmcv
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from .container import (
    CorruptMediaError,
    audio_stream,
    check_complete,
    open_container,
    video_stream,
)
from .images import read_display_matrix, upright
from .times import FrameTimes
from .video import VideoReader

# Containers that hold H.264 and in which frames are found by their times, and
# what they hold unchanged of sound. Other sound is encoded as AAC.
KEPT_SUFFIXES = ('.mp4', '.m4v', '.mov')
_KEPT_SOUND = ('aac', 'mp3', 'ac3', 'eac3', 'alac')
_AAC_RATES = (16000, 22050, 24000, 32000, 44100, 48000)
_TICK = Fraction(1, 90000)
# Seconds by which the sound may move against the picture, and by which the
# times of its blocks may differ from their lengths.
_MAX_SHIFT, _JITTER = 0.03, 0.04


def shrunk_name(path: Path) -> Path:
    """Choose the name of the small copy of a video."""
    kept = path.suffix.lower() in KEPT_SUFFIXES
    return path if kept else path.with_suffix('.mp4')


def shrink_video(path: str, out: Path, short_side: int) -> bool:
    """Write a small copy of a video with its sound.

    The picture is encoded upright as H.264, with a key frame each second. Its
    frames keep their times. The main audio track is copied unchanged, if mp4
    can hold it. A video that is small and upright already is copied as it is,
    if it has a name that :func:`shrunk_name` keeps.

    Args:
        path: Video file.
        out: File to write. It appears when it is complete.
        short_side: Largest number of pixels of the shorter side.

    Returns:
        Whether the file was written: False if it exists.

    Raises:
        CorruptMediaError: The video cannot be decoded to its end, or its
            picture and sound would not be in time.
        OSError: The file cannot be written, or another process writes it.
    """
    if out.exists():
        return False
    out.parent.mkdir(parents=True, exist_ok=True)
    reader = VideoReader(path)
    times, length = reader.frame_times, len(reader)
    shape = reader.read([0])[0].shape[:2]
    reader.close()
    check_complete(path, times.duration(length))
    matrix = read_display_matrix(path)
    small = min(shape) <= short_side and matrix == (1, 0, 0, 1)
    with unfinished(out) as partial:
        if small and out.suffix == Path(path).suffix:
            shutil.copyfile(path, partial)
        else:
            size = mmcv.rescale_size(
                shape[::-1], (np.inf, min(short_side, min(shape)))
            )
            try:
                with (
                    open_container(path) as source,
                    av.open(str(partial), 'w', format='mp4') as target,
                ):
                    _Encoder(source, target, path, size).run(times, length)
            except av.FFmpegError as error:
                raise CorruptMediaError(
                    f'media file {path} cannot be copied, it may be damaged: '
                    f'{error}'
                ) from error
            _check_times(path, partial, times, length)
        # Unlike a renaming, this never replaces a file.
        os.link(partial, out)
    return True


@contextmanager
def unfinished(out: Path) -> Iterator[Path]:
    """Name a hidden file beside another one, and remove it at the end.

    One that a killed process left is replaced.
    """
    partial = out.with_name(f'.{out.name}.part')
    with open(partial, 'ab') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OSError(f'{out} is being written by another run') from error
        try:
            yield partial
        finally:
            partial.unlink()


class _Encoder:
    """Encoder of one video with its main audio track.

    Args:
        source: Opened video.
        target: File to write.
        path: The video, for errors.
        size: Width and height of the upright picture.
    """

    def __init__(
        self,
        source: InputContainer,
        target: OutputContainer,
        path: str,
        size: tuple[int, int],
    ) -> None:
        self.source, self.target, self.path = source, target, path
        self.video, rate = video_stream(source, path)
        self.matrix = read_display_matrix(path)
        width, height = (max(2, length // 2 * 2) for length in size)
        turned = upright(
            np.empty((height, width, 1), np.uint8), self.matrix, path
        )
        # The size before the picture is turned upright.
        self.height, self.width = turned.shape[:2]
        options = dict(
            preset='veryfast',
            crf='18',
            threads='1',
            g=str(max(1, round(rate))),
        )
        picture = target.add_stream('libx264', rate=rate, options=options)
        picture.width, picture.height = width, height
        picture.pix_fmt = 'yuv420p'
        picture.codec_context.time_base = _TICK
        self.picture: VideoStream = picture
        self.convert = VideoReformatter()
        # Broadcasts begin at any time.
        self.shift = max(source.start_time or 0, 0) / 1e6
        self.sound: AudioStream | None = None
        self.resampler: av.AudioResampler | None = None
        self.end: int | None = None
        if source.streams.audio:
            self._add_sound()

    def _add_sound(self) -> None:
        self.track = audio_stream(self.source, self.path)
        context = self.track.codec_context
        if context.name in _KEPT_SOUND:
            self.sound = self.target.add_stream_from_template(self.track)
            return
        rate = context.sample_rate
        rate = rate if rate in _AAC_RATES else 48000
        layout = 'mono' if context.channels == 1 else 'stereo'
        self.sound = self.target.add_stream('aac', rate=rate, layout=layout)
        self.sound.codec_context.bit_rate = 192000
        self.resampler = av.AudioResampler('fltp', layout, rate)

    def run(self, times: FrameTimes, length: int) -> None:
        """Encode the frames.

        Args:
            times: When the frames are shown.
            length: Number of frames.

        Raises:
            CorruptMediaError: There is another number of frames.
        """
        index, last = 0, -1
        streams = [self.video, *([self.track] if self.sound else [])]
        for packet in self.source.demux(streams):
            if packet.stream_index != self.video.index:
                self._write_sound(packet)
                continue
            for frame in cast('list[VideoFrame]', packet.decode()):
                if index >= length:
                    break
                seconds = times.begin + index / times.rate
                if times.edges is not None:
                    seconds = times.edges[index]
                last = max(last + 1, round((seconds - self.shift) / _TICK))
                self._write_frame(frame, last)
                index += 1
        self.target.mux(self.picture.encode())
        if self.resampler is not None and self.sound is not None:
            for rest in self.resampler.resample(None):
                self._encode_sound(rest)
            self.target.mux(self.sound.encode())
        if index < length:
            raise CorruptMediaError(
                f'media file {self.path} is damaged: {index} of {length} '
                'frames can be decoded'
            )

    def _write_frame(self, frame: VideoFrame, time: int) -> None:
        image = self.convert.reformat(
            frame,
            self.width,
            self.height,
            format='rgb24',
            interpolation=Interpolation.AREA,
            threads=1,
        ).to_ndarray()
        image = np.ascontiguousarray(upright(image, self.matrix, self.path))
        small = VideoFrame.from_ndarray(image, format='rgb24')
        small.pts, small.time_base = time, _TICK
        self.target.mux(self.picture.encode(small))

    def _write_sound(self, packet: Packet) -> None:
        if self.sound is None:
            return
        shift = round(self.shift / packet.time_base)
        if self.resampler is None:
            # The last packet of a stream is empty.
            if packet.dts is not None:
                packet.pts = (packet.pts or packet.dts) - shift
                packet.dts -= shift
                packet.stream = self.sound
                self.target.mux(packet)
            return
        for frame in cast('list[AudioFrame]', packet.decode()):
            for part in self.resampler.resample(frame):
                self._encode_sound(part)

    def _encode_sound(self, part: AudioFrame) -> None:
        assert self.sound is not None
        rate = part.sample_rate
        # The times of many files jitter. A longer gap is one.
        if part.time is not None:
            place = round((part.time - self.shift) * rate)
            if self.end is None or place > self.end + _JITTER * rate:
                self.end = place
        part.pts, part.time_base = self.end, Fraction(1, rate)
        self.end = (self.end or 0) + part.samples
        self.target.mux(self.sound.encode(part))


def _check_times(
    path: str, partial: Path, times: FrameTimes, length: int
) -> None:
    """Check that a copy has the same frames, and its sound is in time."""
    reader = VideoReader(str(partial))
    found = reader.frame_times
    delay, was = (t.begin - t.sound_begin for t in (found, times))
    shift = max(
        abs(delay - was),
        abs(found.duration(len(reader)) - times.duration(length)),
    )
    reader.close()
    if len(reader) != length or shift > _MAX_SHIFT:
        raise CorruptMediaError(
            f'the copy of {path} would have {len(reader)} of {length} frames, '
            f'and its sound would move by {shift:.3f} s: convert the video to '
            'mp4 with another tool first'
        )
