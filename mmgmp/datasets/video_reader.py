# Copyright (c) mmgmp authors.
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from av.packet import Packet
from av.video.reformatter import VideoReformatter

from .h264 import is_disposable, nal_length_size
from .media import CorruptMediaError, naming, open_container, video_stream


class _Packet(NamedTuple):
    """What is kept of a packet: the time of its frame, and flags."""

    pts: int | None
    is_keyframe: bool
    is_discard: bool
    is_corrupt: bool


class VideoReader:
    """A video file of which only the frames asked for are decoded.

    The packets are read once without decoding them, for the times of all
    frames. A frame is then reached from the last key frame before it, so that
    what is decoded is the frames between the two; those of H.264 that no
    other frame refers to are left out. Only the frames asked for are
    converted to RGB. The pixels are those of a decoding from the begin. The
    file stays open until :meth:`close`.

    Args:
        path: Video file.

    Raises:
        CorruptMediaError: If the file is missing, empty or truncated, or is
            no video.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._convert = VideoReformatter()
        self._container = open_container(path)
        with naming(path):
            self._stream = video_stream(self._container, path)
            # See `read_video`.
            self._stream.thread_type = 'NONE'
            context = self._stream.codec_context
            self._nal_length_size = None
            if context.name == 'h264':
                self._nal_length_size = nal_length_size(context.extradata)
            packets = [
                _Packet(p.pts, p.is_keyframe, p.is_discard, p.is_corrupt)
                for p in self._container.demux(self._stream)
                if p.size
            ]
        if any(p.is_corrupt for p in packets):
            raise CorruptMediaError(
                f'media file {path} is truncated: {len(packets)} frames of '
                f'{self._stream.frames} begin in it, and not all of them end'
            )
        shown = [p for p in packets if not p.is_discard]
        if not shown:
            raise CorruptMediaError(f'media file {path} holds no video frame')
        self._length = len(shown)
        # In other containers the times of the packets may be those of other
        # frames, or absent: there frames are counted from the begin.
        self._times = None
        known = all(p.pts is not None for p in packets)
        keys = [p.pts for p in packets if p.is_keyframe]
        if known and keys and 'mp4' in self._container.format.name:
            self._times = sorted(p.pts for p in shown)
            self._keys = sorted(keys)

    def __len__(self) -> int:
        """Number of frames."""
        return self._length

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return float(self._stream.average_rate)

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Decode frames by their indices from 0.

        Args:
            indices: In any order; an index may stand there repeatedly.

        Returns:
            RGB frames (H, W, 3) uint8, each an array of its own.

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
                f'frame {missing[0]} of {len(self)} is not in it'
            )
        frames, used = [], set()
        for i in indices:
            frames.append(images[i].copy() if i in used else images[i])
            used.add(i)
        return frames

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _seek(self, wanted: list[int]) -> dict[int, np.ndarray]:
        """Decode from the key frames before the wanted ones, by time."""
        images = {}
        for key, group in groupby(wanted, self._key_before):
            index = {self._times[i]: i for i in group}
            # With periodic intra refresh the frames at such a point, and a
            # while after it, are not whole, and the decoder leaves it out.
            # One before all shown frames is never given.
            begun = key < self._times[0]
            for packet in self._needed(key, set(index)):
                for frame in self._stream.decode(packet):
                    begun = begun or frame.pts == key
                    if frame.pts in index:
                        if not begun:
                            return {}
                        images[index.pop(frame.pts)] = self._image(frame)
                if not index:
                    break
        return images

    def _needed(self, key: int, times: set[int]) -> Iterator[Packet | None]:
        """Yield the packets to decode for the frames of some times.

        Args:
            key: Time of the key frame that they begin with.
            times: Emptied of those whose packets have been yielded.

        Yields:
            Packets, and at the end one without data, or None, at which the
            decoder gives the frames that it holds back.
        """
        self._container.seek(key, stream=self._stream)
        for packet in self._container.demux(self._stream):
            if (
                packet.pts in times
                or packet.is_keyframe
                or not self._is_disposable(packet)
            ):
                yield packet
            times.discard(packet.pts)
            if not times:
                yield None
                return

    def _is_disposable(self, packet: Packet) -> bool:
        """Whether the other frames can be decoded without a packet."""
        size = self._nal_length_size
        return size is not None and is_disposable(packet, size)

    def _key_before(self, index: int) -> int:
        """Time of the last key frame up to a frame."""
        place = bisect_right(self._keys, self._times[index])
        return self._keys[max(place - 1, 0)]

    def _count(self, wanted: Iterable[int]) -> dict[int, np.ndarray]:
        """Decode from the begin."""
        self._container.seek(0)
        images, wanted = {}, {*wanted}
        for i, frame in enumerate(self._container.decode(self._stream)):
            if i in wanted:
                images[i] = self._image(frame)
            if len(images) == len(wanted):
                break
        return images

    def _image(self, frame) -> np.ndarray:
        frame = self._convert.reformat(frame, format='rgb24', threads=1)
        return frame.to_ndarray()
