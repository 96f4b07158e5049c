# Copyright (c) mmgmp authors.
import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform


@TRANSFORMS.register_module()
class FlipFlow(BaseTransform):
    """Mirror optical flow from left to right, with a probability.

    The horizontal component changes its sign, ``x -> 255 - x`` in grey
    levels. MMAction2's ``Flip`` expects the components as frames that
    alternate, and of frames with two channels it inverts every other one.

    Required keys:

        - imgs (list[np.ndarray]): Frames (H, W, 2) uint8, horizontal and
          vertical component.

    Modified keys:

        - imgs

    Added keys:

        - flip (bool): Whether they were mirrored.

    Args:
        flip_ratio: The probability.

    Raises:
        ValueError: If ``flip_ratio`` is no probability.
    """

    def __init__(self, flip_ratio: float = 0.5) -> None:
        if not 0 <= flip_ratio <= 1:
            raise ValueError(
                f'`flip_ratio` must be from 0 to 1, got {flip_ratio}'
            )
        self.flip_ratio = flip_ratio

    def transform(self, results: dict) -> dict:
        """Mirror the frames, or not."""
        results['flip'] = bool(np.random.rand() < self.flip_ratio)
        if results['flip']:
            results['imgs'] = [_mirror(image) for image in results['imgs']]
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(flip_ratio={self.flip_ratio})'


def _mirror(image: np.ndarray) -> np.ndarray:
    image = np.ascontiguousarray(image[:, ::-1])
    image[..., 0] = 255 - image[..., 0]
    return image
