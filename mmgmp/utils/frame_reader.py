# Copyright (c) mmgmp authors.
from collections.abc import Sequence
from typing import Protocol

import numpy as np


class FrameReader(Protocol):
    """Random access to the frames of a video."""

    @property
    def frame_rate(self) -> float | None:
        """Frames per second, or None if the files do not state it."""

    def __len__(self) -> int:
        """Number of frames."""

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Read frames by their indices from 0, each into its own array."""

    def close(self) -> None:
        """Close the files."""
