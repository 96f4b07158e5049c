# Copyright (c) mmgmp authors.
import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft
from scipy.signal.windows import tukey

# Number of segments that are transformed together. They fit into the cache of
# a core. This is several times faster than scipy.signal.spectrogram, which
# transforms all segments at once.
_BLOCK = 128


@TRANSFORMS.register_module()
class AudioSpectrogram(BaseTransform):
    """Turn a waveform into a standardized log-spectrogram.

    The recipe of `SimMMDG <https://arxiv.org/abs/2310.19795>`_ and its
    successors: the waveform is repeated or cut to ``num_samples`` and clipped
    to [-1, 1]; its power spectral density ``psd`` is computed as
    :func:`scipy.signal.spectrogram` does by default; ``x = log(psd + 1e-7)``
    is standardized over the clip, ``(x - mean(x)) / (std(x) + 1e-9)``.

    Required keys:

        - audios (np.ndarray): Waveform (S,) of at least one sample.
        - sample_rate (int): Samples per second of the waveform.

    Modified keys:

        - audios (np.ndarray): Spectrogram (F, T') float32,
          ``F = nperseg // 2 + 1`` and
          ``T' = (num_samples - noverlap) // (nperseg - noverlap)``; (257,
          1004) by default.

    Args:
        num_samples: Length to which the waveform is repeated or cut, 10 s at
            16 kHz by default.
        nperseg: Samples of each segment.
        noverlap: Samples that neighbouring segments share.

    Raises:
        ValueError: If not ``0 <= noverlap < nperseg <= num_samples``, or, when
            called, if the waveform is empty.
    """

    def __init__(
        self,
        num_samples: int = 160000,
        nperseg: int = 512,
        noverlap: int = 353,
    ) -> None:
        if not 0 <= noverlap < nperseg <= num_samples:
            raise ValueError(
                '`noverlap`, `nperseg` and `num_samples` must satisfy 0 <= '
                'noverlap < nperseg <= num_samples, got '
                f'{noverlap}, {nperseg} and {num_samples}'
            )
        self.num_samples = num_samples
        self.nperseg = nperseg
        self.noverlap = noverlap

    def transform(self, results: dict) -> dict:
        """Replace the waveform with its spectrogram."""
        results['audios'] = log_spectrogram(
            fit_length(results['audios'], self.num_samples),
            results['sample_rate'],
            self.nperseg,
            self.noverlap,
        )
        return results

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(num_samples={self.num_samples}, '
            f'nperseg={self.nperseg}, noverlap={self.noverlap})'
        )


@TRANSFORMS.register_module()
class SpectrogramAugment(BaseTransform):
    """Add noise to a spectrogram and mask a band of frequencies.

    The recipe of `SimMMDG <https://arxiv.org/abs/2310.19795>`_ and its
    successors, for training: add uniform noise to each element, then set
    ``mask_bins`` neighbouring bins to zero (the mean). The first of them is
    uniform in ``[0, F - 1 - mask_bins)``. The random numbers come from NumPy's
    global generator, as in MMAction2's transforms.

    Required keys:

        - audios (np.ndarray): Spectrogram (F, T').

    Modified keys:

        - audios (np.ndarray): (F, T') float32.

    Args:
        noise: Largest absolute value of the noise.
        mask_bins: Width of the mask in bins; 0 turns it off.

    Raises:
        ValueError: If an argument is negative, or, when called, if the
            spectrogram has at most ``mask_bins + 1`` bins.
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
                f'`mask_bins` is {self.mask_bins}, but the spectrogram has '
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


@TRANSFORMS.register_module()
class FormatSpectrogram(BaseTransform):
    """Add the channel dimension of an image to a spectrogram.

    Required keys:

        - audios (np.ndarray): Spectrogram (F, T').

    Modified keys:

        - audios (np.ndarray): (1, F, T') float32, contiguous.
    """

    def transform(self, results: dict) -> dict:
        """Add the channel dimension."""
        results['audios'] = np.ascontiguousarray(
            results['audios'][None], dtype=np.float32
        )
        return results


def fit_length(wave: np.ndarray, num_samples: int) -> np.ndarray:
    """Cut a waveform (S,) to ``num_samples``, or repeat it to this length.

    Raises:
        ValueError: If the waveform is empty.

    Example:
        >>> fit_length(np.array([1, 2, 3]), 5)
        array([1, 2, 3, 1, 2])
    """
    if not wave.size:
        raise ValueError('`audios` must be a waveform, got no samples')
    return np.resize(wave, num_samples)


def log_spectrogram(
    wave: np.ndarray, sample_rate: int, nperseg: int, noverlap: int
) -> np.ndarray:
    """Standardized log-spectrogram of a waveform.

    The power spectral density is computed as
    :func:`scipy.signal.spectrogram` does by default: with a Tukey window of
    shape 0.25, after the mean of each segment is removed.

    Args:
        wave: Samples (S,), clipped to [-1, 1].
        sample_rate: Samples per second.
        nperseg: Samples of each segment.
        noverlap: Samples that neighbouring segments share.

    Returns:
        (nperseg // 2 + 1, (S - noverlap) // (nperseg - noverlap)) float32.
    """
    window = tukey(nperseg, 0.25, sym=False)
    scale = 1 / (sample_rate * (window**2).sum())
    segments = sliding_window_view(
        np.clip(wave, -1, 1).astype(np.float64), nperseg
    )[:: nperseg - noverlap]
    x = np.empty((len(segments), nperseg // 2 + 1), np.float32)
    for begin in range(0, len(segments), _BLOCK):
        block = segments[begin : begin + _BLOCK]
        block = (block - block.mean(axis=1, keepdims=True)) * window
        spectrum = rfft(block)
        # This order of operations gives the same bits as SciPy.
        density = (spectrum.conj() * spectrum).real * scale
        # The spectrum is one-sided: all bins count twice, except the first
        # and, if there is one, the bin of the Nyquist frequency.
        density[:, 1 : (nperseg + 1) // 2] *= 2
        x[begin : begin + _BLOCK] = density + 1e-7
    x = np.log(x).T
    # The mean is summed in float64: silence must give exact zeros, because
    # dividing by its tiny standard deviation would amplify any error of the
    # mean.
    x -= np.float32(x.mean(dtype=np.float64))
    x /= x.std() + np.float32(1e-9)
    return x
