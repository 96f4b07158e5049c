# Copyright (c) mmgmp authors.
import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform


@TRANSFORMS.register_module()
class SpectrogramAugment(BaseTransform):
    """Add noise to a spectrogram and mask a band of frequencies.

    The recipe of `SimMMDG <https://arxiv.org/abs/2310.19795>`_ and its
    successors, for training: uniform noise on each element, then zeros (the
    mean) in ``mask_bins`` neighbouring bins, the first of them uniform in
    ``[0, F - 1 - mask_bins)``. The random numbers are NumPy's global ones, as
    in MMAction2's transforms.

    Required keys:

        - audios (np.ndarray): Spectrogram (F, T').

    Modified keys:

        - audios (np.ndarray): (F, T') float32.

    Args:
        noise: Largest absolute value of the noise.
        mask_bins: Width of the mask in bins; 0 leaves it out.

    Raises:
        ValueError: If an argument is negative, or (a call) if the
            spectrogram has no more than ``mask_bins + 1`` bins.
    """

    def __init__(self, noise: float = 0.05, mask_bins: int = 9) -> None:
        if noise < 0 or mask_bins < 0:
            raise ValueError(
                '`noise` and `mask_bins` must not be negative, got '
                f'{noise} and {mask_bins}'
            )
        self.noise = noise
        self.mask_bins = mask_bins

    def transform(self, results: dict) -> dict:
        """Augment the spectrogram."""
        clean = results['audios']
        num_starts = len(clean) - 1 - self.mask_bins
        if num_starts < 1:
            raise ValueError(
                f'`mask_bins` is {self.mask_bins}, and the spectrogram has '
                f'only {len(clean)} bins'
            )
        noisy = clean + np.random.uniform(
            -self.noise, self.noise, clean.shape
        ).astype(np.float32)
        start = np.random.randint(num_starts)
        noisy[start : start + self.mask_bins] = 0
        results['audios'] = noisy
        return results

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(noise={self.noise}, '
            f'mask_bins={self.mask_bins})'
        )
