# Copyright (c) mmgmp authors.
import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft
from scipy.signal.windows import tukey

# Segments that are transformed at a time, few enough for the cache of a core:
# several times as fast as all at once, as scipy.signal.spectrogram does it.
_BLOCK = 128


@TRANSFORMS.register_module()
class AudioSpectrogram(BaseTransform):
    """Turn a waveform into a standardised log-spectrogram.

    The recipe of `SimMMDG <https://arxiv.org/abs/2310.19795>`_ and its
    successors: the waveform is repeated or cut to ``num_samples`` and clipped
    to [-1, 1]; its power spectral density is that of
    :func:`scipy.signal.spectrogram` with its default window; the result is
    ``x = log(psd + 1e-7)``, standardised over the clip,
    ``(x - mean(x)) / (std(x) + 1e-9)``.

    Required keys:

        - audios (np.ndarray): Waveform (S,) of at least one sample.
        - sample_rate (int): Its samples per second.

    Modified keys:

        - audios (np.ndarray): Spectrogram (F, T') float32,
          ``F = nperseg // 2 + 1`` and
          ``T' = (num_samples - noverlap) // (nperseg - noverlap)``; (257,
          1004) by default.

    Args:
        num_samples: Length of the waveform that is analysed, 10 s at 16 kHz
            by default.
        nperseg: Samples of each segment.
        noverlap: Samples that neighbouring segments share.

    Raises:
        ValueError: If not ``0 <= noverlap < nperseg <= num_samples``, or (a
            call) if the waveform is empty.
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
        """Replace the waveform by its spectrogram."""
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


def fit_length(wave: np.ndarray, num_samples: int) -> np.ndarray:
    """Cut a waveform (S,) to ``num_samples``, or repeat it up to there.

    Raises:
        ValueError: If the waveform is empty.
    """
    if not wave.size:
        raise ValueError('`audios` is a waveform of no samples')
    return np.resize(wave, num_samples)


def log_spectrogram(
    wave: np.ndarray, sample_rate: int, nperseg: int, noverlap: int
) -> np.ndarray:
    """Standardised log-spectrogram of a waveform.

    The density is that of :func:`scipy.signal.spectrogram` with its defaults:
    a Tukey window of shape 0.25 and segments of zero mean.

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
        # In this order every bit is as SciPy has it.
        density = (spectrum.conj() * spectrum).real * scale
        # One side stands for both; the ends have no other one (the last one
        # only if there is a Nyquist frequency).
        density[:, 1 : (nperseg + 1) // 2] *= 2
        x[begin : begin + _BLOCK] = density + 1e-7
    x = np.log(x).T
    # Summed in float64: a silent passage must come out as zeros, and its
    # standard deviation does not hide an error of the mean.
    x -= np.float32(x.mean(dtype=np.float64))
    x /= x.std() + np.float32(1e-9)
    return x
