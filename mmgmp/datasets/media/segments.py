# Copyright (c) mmgmp authors.
"""Read a part of a video as if it were a file of its own."""

import math
from collections.abc import Sequence

import numpy as np

from mmgmp.utils.frame_reader import FrameReader

from .container import CorruptMediaError
from .times import FrameTimes


class SegmentReader:
    """Reader of the frames between two times of a video.

    The frames count from 0 again. Their times stay those of the file, so that
    the sound of a segment is found by the same clock.

    Args:
        reader: Reader of the whole file.
        times: When its frames are shown.
        start: Seconds after the first frame of the file, or None for its
            start.
        stop: Seconds after the first frame of the file, or None for its end.
        path: File, for the error.

    Raises:
        CorruptMediaError: If no frame begins between ``start`` and ``stop``.
    """

    def __init__(
        self,
        reader: FrameReader,
        times: FrameTimes,
        start: float | None,
        stop: float | None,
        path: str,
    ) -> None:
        self.reader = reader
        self._first = _first_from(times, start or 0.0)
        last = len(reader)
        if stop is not None:
            last = min(last, _first_from(times, stop))
        self._length = last - self._first
        if self._length < 1:
            raise CorruptMediaError(
                f'media file {path} has no frame from {start or 0.0:g} s to '
                + ('its end' if stop is None else f'{stop:g} s')
                + f': it lasts {times.duration(len(reader)):.2f} s'
            )
        self.frame_rate = reader.frame_rate
        if times.edges is None:
            begin = times.begin + self._first / times.rate
            self.frame_times = times._replace(begin=begin)
        else:
            edges = times.edges[self._first : last + 1]
            self.frame_times = times._replace(
                begin=float(edges[0]), edges=edges
            )

    def __len__(self) -> int:
        """Number of frames of the segment."""
        return self._length

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Read frames by their indices from 0 in the segment.

        Raises:
            CorruptMediaError: If a frame cannot be decoded.
        """
        return self.reader.read([self._first + i for i in indices])

    def close(self) -> None:
        """Close the file."""
        self.reader.close()


def _first_from(times: FrameTimes, seconds: float) -> int:
    """Find the first frame that begins at a time or later."""
    # Times in a file are often rounded to milliseconds.
    seconds = seconds - 1e-3
    if times.edges is None:
        return math.ceil(max(seconds, 0.0) * times.rate)
    begins = times.edges[:-1] - times.begin
    return int(np.searchsorted(begins, seconds))
