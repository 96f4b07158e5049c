# Copyright (c) mmgmp authors.
import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from ..noise import Medium, add_noise, check_snr, clip_generator


@TRANSFORMS.register_module()
class CorruptVideo(BaseTransform):
    """Darken frames and add white Gaussian noise, always the same for a frame.

    It makes another domain, see :class:`~mmgmp.datasets.CorruptedTarget`. A
    frame is multiplied by ``brightness``; the power of its noise is that of
    the darkened frame over ``snr``; then values are rounded and cut at 0 and
    255, as a camera does, by which a part of the noise is lost.

    Required keys:

        - imgs (list[np.ndarray]): L frames (H, W, C) uint8.
        - frame_inds (np.ndarray): Their indices (L,), of ``SampleFrames``.
        - filename (str): Identifies the frames, together with the indices.

    Modified keys:

        - imgs (list[np.ndarray]): L frames (H, W, C) uint8.

    Args:
        brightness: Factor in (0, 1].
        snr: Ratio of the powers (mean squares of the pixel values) of
            darkened frame and noise, not in dB. The defaults, 0.2 and 0.5, are
            those of `Boomda <https://arxiv.org/abs/2511.08152>`_.

    Raises:
        ValueError: If an argument is out of its range, or (a call) if
            ``imgs`` is not a frame for each index.
    """

    def __init__(self, brightness: float = 0.2, snr: float = 0.5) -> None:
        if not 0 < brightness <= 1:
            raise ValueError(
                f'`brightness` must be in (0, 1], got {brightness}'
            )
        check_snr('snr', snr)
        self.brightness = brightness
        self.snr = snr

    def transform(self, results: dict) -> dict:
        """Corrupt the frames."""
        frames, numbers = results['imgs'], results['frame_inds'].tolist()
        if len(frames) != len(numbers) or any(
            frame.ndim != 3 or frame.dtype != np.uint8 for frame in frames
        ):
            raise ValueError(
                '`imgs` must be a frame (H, W, C) of uint8 for each of '
                f'{len(numbers)} indices, got {len(frames)}, the first one of '
                f'shape {frames[0].shape} and {frames[0].dtype}: put '
                'CorruptVideo right after the frames are decoded'
            )
        results['imgs'] = [
            self._corrupt(frame, clip_generator(results, Medium.VIDEO, number))
            for frame, number in zip(frames, numbers, strict=True)
        ]
        return results

    def _corrupt(
        self, frame: np.ndarray, generator: np.random.Generator
    ) -> np.ndarray:
        dark = frame * np.float32(self.brightness)
        noisy = add_noise(dark, self.snr, generator)
        np.rint(noisy, out=noisy)
        return noisy.clip(0, 255, out=noisy).astype(np.uint8)

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(brightness={self.brightness}, '
            f'snr={self.snr})'
        )
