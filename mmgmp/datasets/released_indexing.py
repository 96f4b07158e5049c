# Copyright (c) mmgmp authors.
from collections.abc import Sequence

import numpy as np


class ReleasedIndexing:
    """Frames numbered as in the published code, off by one.

    Index ``i`` is frame ``max(i - 1, 0)``, and the last frame is not counted,
    so that the first frame may come twice and the last two never.

    Args:
        reader: Reader with the true indices.
    """

    def __init__(self, reader) -> None:
        self.reader = reader
        self.frame_rate = reader.frame_rate

    def __len__(self) -> int:
        """Number of frames less one."""
        return len(self.reader) - 1

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Read frames, each one earlier than its index says."""
        return self.reader.read([max(i - 1, 0) for i in indices])

    def close(self) -> None:
        """Close the files."""
        self.reader.close()
