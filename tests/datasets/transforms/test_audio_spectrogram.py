"""`AudioSpectrogram` follows the published recipe."""

import numpy as np
import pytest
from scipy import signal

from mmgmp.datasets import AudioSpectrogram
from tests.utils.media import tone


def by_hand(wave, rate, length, nperseg, noverlap):
    """The recipe step by step, segment by segment, by definition."""
    wave = wave.astype(np.float64)
    while len(wave) < length:
        wave = np.tile(wave, 10)[:length]
    wave = np.clip(wave[:length], -1, 1)
    window = signal.windows.tukey(nperseg, 0.25, sym=False)
    scale = 1 / (rate * (window**2).sum())
    columns = []
    for start in range(0, length - nperseg + 1, nperseg - noverlap):
        segment = wave[start : start + nperseg]
        power = np.abs(np.fft.rfft(window * (segment - segment.mean()))) ** 2
        power[1:-1] *= 2  # one-sided: all but the first and Nyquist
        columns.append(power * scale)
    x = np.log(np.stack(columns, axis=1) + 1e-7)
    return (x - x.mean()) / (x.std() + 1e-9)


def noisy(seconds):
    wave = tone(seconds)
    return wave + 0.05 * np.random.randn(len(wave)).astype(np.float32)


@pytest.mark.parametrize('seconds', [0.01, 2.58, 10.0, 12.5])
def test_default_recipe(seconds):
    wave = 2.5 * noisy(seconds)  # beyond [-1, 1]
    x = AudioSpectrogram()(dict(audios=wave, sample_rate=16000))['audios']
    assert x.shape == (257, 1004)
    assert x.dtype == np.float32
    expected = by_hand(wave, 16000, 160000, 512, 353)
    np.testing.assert_allclose(x, expected, atol=1e-5)
    assert x.mean() == pytest.approx(0, abs=1e-5)
    assert x.std() == pytest.approx(1, abs=1e-5)


def test_high_dynamic_range():
    # A loud tone over near silence: the weak bins must stay exact.
    wave = 1.9 * tone(10) + 1e-4 * np.random.randn(160000).astype(np.float32)
    x = AudioSpectrogram()(dict(audios=wave, sample_rate=16000))['audios']
    expected = by_hand(wave, 16000, 160000, 512, 353)
    np.testing.assert_allclose(x, expected, atol=1e-5)


def test_small_size():
    wave = noisy(1.3)
    transform = AudioSpectrogram(num_samples=24000, nperseg=128, noverlap=32)
    x = transform(dict(audios=wave, sample_rate=8000))['audios']
    assert x.shape == (65, 249)
    np.testing.assert_allclose(
        x, by_hand(wave, 8000, 24000, 128, 32), atol=1e-5
    )


def test_tone_is_in_its_bin():
    x = AudioSpectrogram()(
        dict(audios=tone(3, hertz=1000), sample_rate=16000)
    )['audios']
    assert (x.argmax(axis=0) == 32).mean() > 0.99  # 1000 / (16000 / 512)


def test_silent_passage_is_zero():
    wave = np.zeros(16000, np.float32)
    x = AudioSpectrogram()(dict(audios=wave, sample_rate=16000))['audios']
    assert not x.any()


def test_errors():
    with pytest.raises(ValueError, match='no samples'):
        AudioSpectrogram()(
            dict(audios=np.zeros(0, np.float32), sample_rate=16000)
        )
    for arguments in (
        dict(noverlap=512),
        dict(noverlap=-1),
        dict(num_samples=511),
    ):
        with pytest.raises(ValueError, match='noverlap < nperseg'):
            AudioSpectrogram(**arguments)
