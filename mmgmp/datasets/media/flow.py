# Copyright (c) mmgmp authors.
"""Read optical flow that is stored as two grey videos."""

from collections.abc import Sequence

import mmcv
import numpy as np

from mmgmp.utils.frame_reader import FrameReader

from .container import CorruptMediaError


class FlowReader:
    """Reader of optical flow that is stored as one grey video per component.

    If the vertical component is shorter than the horizontal one, its last
    frame is repeated.

    Args:
        x: Reader of the horizontal component.
        y: Reader of the vertical component.
        name: Name of the flow in errors.
    """

    def __init__(self, x: FrameReader, y: FrameReader, name: str) -> None:
        self.x = x
        self.y = y
        self.name = name

    def __len__(self) -> int:
        """Number of frames of the horizontal component."""
        return len(self.x)

    @property
    def frame_rate(self) -> float | None:
        """Frames per second, or None if the files do not state it."""
        return self.x.frame_rate

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Read frames by their indices from 0.

        Returns:
            Frames (H, W, 2) uint8, horizontal and vertical component.

        Raises:
            CorruptMediaError: If a frame cannot be decoded, or the two
                components differ in size.
        """
        last = len(self.y) - 1
        xs = map(_grey, self.x.read(indices))
        ys = map(_grey, self.y.read([min(i, last) for i in indices]))
        frames = []
        for x, y in zip(xs, ys):
            if x.shape != y.shape:
                raise CorruptMediaError(
                    f'the components of {self.name} have frames of different '
                    f'sizes, {x.shape} and {y.shape}'
                )
            frames.append(np.stack([x, y], axis=-1))
        return frames

    def close(self) -> None:
        """Close the files."""
        self.x.close()
        self.y.close()


def _grey(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 2 else mmcv.rgb2gray(image)
