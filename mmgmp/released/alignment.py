# Copyright (c) mmgmp authors.
"""Select frames and sound as the published code does.

The datasets select this with ``alignment='as_released'``.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from mmgmp.utils.frame_reader import FrameReader

# The published code assumes this frame rate for every file.
RELEASED_FPS = 24


def is_released(results: Mapping) -> bool:
    """Check whether an item has the alignment of the published code."""
    return results.get('alignment') == 'as_released'


def released_window(indices: np.ndarray) -> tuple[float, float]:
    """Compute the audio window of a clip as the published code does.

    The window is ``[i[0] / 24, i[-1] / 24)`` seconds, for any frame rate. A
    clip that wraps around the end of its video may have little or no sound.

    Args:
        indices: Frame indices (L,), in the order of the clip.

    Example:
        >>> released_window(np.array([12, 24, 36]))
        (0.5, 1.5)
    """
    first, last = indices[[0, -1]] / RELEASED_FPS
    return float(first), float(last)


class ReleasedIndexing:
    """Reader whose frame numbers are off by one, as in the published code.

    Index ``i`` is frame ``max(i - 1, 0)``, and the last frame is not counted.
    Therefore the first frame may occur twice, and the last two never occur.

    Args:
        reader: Reader with the true indices.
    """

    def __init__(self, reader: FrameReader) -> None:
        self.reader = reader
        self.frame_rate = reader.frame_rate

    def __len__(self) -> int:
        """Number of frames minus one."""
        return len(self.reader) - 1

    @property
    def nbytes(self) -> int:
        """Bytes of the frames that the reader keeps in memory."""
        return getattr(self.reader, 'nbytes', 0)

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Read the frame before each index."""
        return self.reader.read([max(i - 1, 0) for i in indices])

    def close(self) -> None:
        """Close the files."""
        self.reader.close()
