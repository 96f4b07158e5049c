# Copyright (c) mmgmp authors.
import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from scipy.signal import spectrogram


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

    Args:
        wave: Samples (S,), clipped to [-1, 1].
        sample_rate: Samples per second.
        nperseg: Samples of each segment.
        noverlap: Samples that neighbouring segments share.

    Returns:
        (nperseg // 2 + 1, (S - noverlap) // (nperseg - noverlap)) float32.
    """
    _, _, density = spectrogram(
        np.clip(wave, -1, 1).astype(np.float64),
        fs=sample_rate,
        nperseg=nperseg,
        noverlap=noverlap,
    )
    x = np.log((density + 1e-7).astype(np.float32))
    # Summed in float64: a silent passage must come out as zeros, and its
    # standard deviation does not hide an error of the mean.
    x -= np.float32(x.mean(dtype=np.float64))
    return x / (x.std() + np.float32(1e-9))
