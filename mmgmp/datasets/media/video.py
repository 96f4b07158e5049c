# Copyright (c) mmgmp authors.
"""Read the frames of video files: all of them, or only some."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import groupby

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from .container import (
    CorruptMediaError,
    decode,
    demux,
    naming,
    open_container,
    video_stream,
)
from .images import as_first, to_rgb
from .times import FrameTimes, PacketInfo, frame_times, shown_packets


def read_frame_rate(path: str) -> Fraction:
    """Read the frames per second of a video file from its header.

    Raises:
        CorruptMediaError: If the file cannot be read or has no frame rate.
    """
    with open_container(path) as container, naming(path):
        return video_stream(container, path)[1]


def read_frame_times(path: str) -> FrameTimes:
    """Read when the frames of a video file are shown, without decoding it.

    Raises:
        CorruptMediaError: If the file cannot be read or has no frame rate.
    """
    with open_container(path) as container, naming(path):
        stream, _ = video_stream(container, path)
        packets = [
            PacketInfo.of(p) for p in demux(container, stream, path) if p.size
        ]
        return frame_times(shown_packets(packets, path), container, path)


def read_video(
    path: str, short_side: int | None = None
) -> tuple[np.ndarray, Fraction]:
    """Decode all frames of a video file.

    Args:
        path: Video file.
        short_side: Resize the shorter side to this number of pixels and keep
            the aspect ratio, as MMAction2's ``Resize`` does. None keeps the
            size.

    Returns:
        RGB frames (T, H, W, 3) uint8, upright as players show them, and the
        frames per second. If the size changes on the way, all frames have the
        size of the first.

    Raises:
        CorruptMediaError: If the file is missing, empty or truncated, or
            cannot be decoded.
    """
    frames, rate, _ = read_video_and_times(path, short_side)
    return frames, rate


def read_video_and_times(
    path: str, short_side: int | None = None
) -> tuple[np.ndarray, Fraction, FrameTimes]:
    """Decode all frames, see :func:`read_video`, with their times."""
    # One converter for all frames: creating one per frame costs more than
    # decoding a small frame.
    convert = VideoReformatter()
    images, packets = [], []
    with open_container(path) as container, naming(path):
        stream, rate = video_stream(container, path)
        # Threads cost more than they save on short, small clips, and the
        # workers of the data loader already occupy the cores.
        stream.thread_type = 'NONE'
        for packet in demux(container, stream, path):
            if packet.size:
                packets.append(PacketInfo.of(packet))
            for frame in packet.decode():
                images.append(to_rgb(convert, frame, path, short_side))
        shown = shown_packets(packets, path)
        times = frame_times(
            shown if len(shown) == len(images) else (), container, path
        )
    if not images:
        raise CorruptMediaError(f'media file {path} has no video frame')
    return np.stack(as_first(images)), rate, times


class VideoReader:
    """Reader of a video file that decodes only the requested frames.

    It first reads all packets, without decoding them, to learn the times of
    the frames. To reach a frame it decodes from the last key frame before it,
    and skips the frames in between that no other frame refers to. It converts
    only the requested frames to RGB. The pixels are the same as when the file
    is decoded from its start. The file stays open until :meth:`close`.

    Args:
        path: Video file.
        short_side: See :func:`read_video`.

    Raises:
        CorruptMediaError: If the file is missing, empty or truncated, or is
            not a video.
    """

    def __init__(self, path: str, short_side: int | None = None) -> None:
        self.path = path
        self.short_side = short_side
        self._convert = VideoReformatter()
        self._container = open_container(path)
        with naming(path):
            self._stream, rate = video_stream(self._container, path)
            # See `read_video_and_times`.
            self._stream.thread_type = 'NONE'
            packets = [
                PacketInfo.of(p)
                for p in demux(self._container, self._stream, path)
                if p.size
            ]
        if any(p.is_corrupt for p in packets):
            of = self._stream.frames or 'an unknown number of'
            raise CorruptMediaError(
                f'media file {path} is truncated: it contains '
                f'{len(packets)} of {of} frames, and some of these are '
                'incomplete'
            )
        shown = shown_packets(packets, path)
        if not shown:
            raise CorruptMediaError(f'media file {path} has no video frame')
        self.frame_rate = float(rate)
        self.frame_times = frame_times(shown, self._container, path)
        self._length = len(shown)
        # In containers other than MP4, a packet may have the time of another
        # frame, or no time. There, frames are counted from the start of the
        # file.
        self._times: list[int] = []
        self._keys = _sorted_times(p for p in packets if p.is_keyframe)
        known = all(p.pts is not None for p in packets)
        if known and self._keys and 'mp4' in self._container.format.name:
            self._times = _sorted_times(shown)

    def __len__(self) -> int:
        """Number of frames."""
        return self._length

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Decode frames by their indices from 0.

        Args:
            indices: Indices in any order. They may repeat.

        Returns:
            RGB frames (H, W, 3) uint8, each in its own array.

        Raises:
            CorruptMediaError: If a frame cannot be decoded.
        """
        wanted = sorted({*indices})
        with naming(self.path):
            images = self._seek(wanted) if self._times else {}
            if len(images) < len(wanted):
                images = self._count(wanted)
        missing = [i for i in wanted if i not in images]
        if missing:
            raise CorruptMediaError(
                f'media file {self.path} is truncated or cannot be decoded: '
                f'it lacks frame {missing[0]} of {len(self)}'
            )
        frames, used = [], set()
        for i in indices:
            frames.append(images[i].copy() if i in used else images[i])
            used.add(i)
        return as_first(frames)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _seek(self, wanted: list[int]) -> dict[int, np.ndarray]:
        """Find frames by their times, from the key frames before them."""
        images: dict[int, np.ndarray] = {}
        for key, group in groupby(wanted, self._key_before):
            index: dict[int | None, int] = {self._times[i]: i for i in group}
            # With periodic intra refresh the frames at the seek point and
            # shortly after it are incomplete, and the decoder drops the first
            # one. It also drops a key frame before the first shown frame.
            begun = key < self._times[0]
            for frame in self._decode_from(key, set(index)):
                begun = begun or frame.pts == key
                if frame.pts in index:
                    if not begun:
                        return {}
                    images[index.pop(frame.pts)] = self._to_rgb(frame)
                if not index:
                    break
        return images

    def _decode_from(
        self, key: int, times: set[int | None]
    ) -> Iterator[VideoFrame]:
        """Decode from a key frame up to the last of some times.

        Yields:
            The frames at these times and the frames that they need.
        """
        context = self._stream.codec_context
        self._container.seek(key, stream=self._stream)
        for packet in demux(self._container, self._stream, self.path):
            needed = packet.pts in times or packet.is_keyframe
            context.skip_frame = 'DEFAULT' if needed else 'NONREF'
            yield from self._stream.decode(packet)
            times.discard(packet.pts)
            if not times:
                # Flush the frames that the decoder still buffers.
                yield from self._stream.decode(None)
                return

    def _key_before(self, index: int) -> int:
        """Find the time of the last key frame up to a frame."""
        place = bisect_right(self._keys, self._times[index])
        return self._keys[max(place - 1, 0)]

    def _to_rgb(self, frame: VideoFrame) -> np.ndarray:
        return to_rgb(self._convert, frame, self.path, self.short_side)

    def _count(self, wanted: Iterable[int]) -> dict[int, np.ndarray]:
        """Find frames by counting from the start of the file."""
        images, wanted = {}, {*wanted}
        # Not every container can seek, and some begin before time 0.
        with open_container(self.path) as container:
            stream, _ = video_stream(container, self.path)
            stream.thread_type = 'NONE'
            frames = decode(container, stream, self.path)
            for i, frame in enumerate(frames):
                if i in wanted:
                    images[i] = self._to_rgb(frame)
                if len(images) == len(wanted):
                    break
        return images


def _sorted_times(packets: Iterable[PacketInfo]) -> list[int]:
    return sorted(p.pts for p in packets if p.pts is not None)
