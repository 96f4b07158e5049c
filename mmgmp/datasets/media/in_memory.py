# Copyright (c) mmgmp authors.
"""Keep the decoded frames of a video in memory."""

from collections.abc import Sequence

import numpy as np

from .segments import SegmentReader
from .video import VideoReader, read_video_and_times


class VideoInMemory:
    """Reader of a video file that is decoded once and stays in memory.

    The frames cannot be written to and :meth:`read` copies them, so copies of
    the reader share them safely.

    Args:
        path: Video file.
        short_side: See :func:`read_video`.
        segment: Start and stop of the part to keep, see
            :class:`SegmentReader`. None keeps the whole file.

    Raises:
        CorruptMediaError: See :func:`read_video`.
    """

    def __init__(
        self,
        path: str,
        short_side: int | None = None,
        segment: tuple[float | None, float | None] | None = None,
    ) -> None:
        if segment is None:
            self.frames, rate, times = read_video_and_times(path, short_side)
            self.frame_rate, self.frame_times = float(rate), times
        else:
            file = VideoReader(path, short_side)
            part = SegmentReader(file, file.frame_times, *segment, path)
            self.frames = np.stack(part.read(range(len(part))))
            self.frame_rate = file.frame_rate
            self.frame_times = part.frame_times
            file.close()
        self.frames.setflags(write=False)
        self.nbytes = self.frames.nbytes

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.frames)

    def __deepcopy__(self, memo: dict) -> 'VideoInMemory':
        return self

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Copy frames (H, W, 3) uint8 by their indices from 0."""
        return list(self.frames[list(indices)])

    def close(self) -> None:
        """Do nothing: the file is already closed."""
