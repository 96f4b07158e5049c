# Copyright (c) mmgmp authors.
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from av.video.reformatter import VideoReformatter

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
    what is decoded is the frames between the two; only the frames asked for
    are converted to RGB. The pixels are those of a decoding from the begin.
    The file stays open until :meth:`close`.

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
        return [images[i].copy() for i in indices]

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _seek(self, wanted: list[int]) -> dict[int, np.ndarray]:
        """Decode from the key frames before the wanted ones, by time."""
        images = {}
        for key, group in groupby(wanted, self._key_before):
            index = {self._times[i]: i for i in group}
            self._container.seek(key, stream=self._stream)
            for frame in self._container.decode(self._stream):
                if frame.pts in index:
                    images[index.pop(frame.pts)] = self._image(frame)
                if not index:
                    break
        return images

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
