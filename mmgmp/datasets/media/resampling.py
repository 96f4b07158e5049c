# Copyright (c) mmgmp authors.
"""Read a video as if it had another frame rate."""

import math
from collections.abc import Sequence

import numpy as np

from mmgmp.utils.frame_reader import FrameReader

from .times import FrameTimes


class ResampledReader:
    """Reader that repeats or drops frames to reach a constant frame rate.

    Index ``i`` is the frame that is shown ``i / fps`` seconds after the first
    one.

    Args:
        reader: Reader with the stored frames.
        times: When these are shown.
        fps: Frames per second.
    """

    def __init__(
        self, reader: FrameReader, times: FrameTimes, fps: float
    ) -> None:
        self.reader = reader
        self.frame_rate = float(fps)
        self.frame_times = times._replace(rate=float(fps), edges=None)
        # The end is often rounded: a frame is worth a twentieth of its length.
        length = math.ceil(times.duration(len(reader)) * fps - 0.05)
        shown = times.shown(np.arange(max(length, 1)) / fps)
        self._stored = np.minimum(shown, len(reader) - 1)

    def __len__(self) -> int:
        """Number of frames at the new rate."""
        return len(self._stored)

    @property
    def nbytes(self) -> int:
        """Bytes of the frames that the reader keeps in memory."""
        return getattr(self.reader, 'nbytes', 0)

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Read the frames that are shown at the times of some indices."""
        return self.reader.read(self._stored[list(indices)].tolist())

    def close(self) -> None:
        """Close the files."""
        self.reader.close()
