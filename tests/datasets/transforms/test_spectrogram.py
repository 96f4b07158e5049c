# Copyright (c) mmgmp authors.
"""The spectrogram and its augmentation follow the published recipe."""

import numpy as np
import pytest
from scipy import signal

from mmgmp.datasets import (
    AudioSpectrogram,
    FormatSpectrogram,
    SpectrogramAugment,
)
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


def test_wrong_size():
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


# --- augmentation and format -------------------------------------------------


def masked_bins(x):
    return np.flatnonzero((x == 0).all(axis=1))


def test_noise_is_uniform_and_one_band_is_zero():
    x = np.full((257, 1004), 3, np.float32)
    results = dict(audios=x)
    y = SpectrogramAugment()(results)['audios']
    assert y.shape == (257, 1004)
    assert y.dtype == np.float32
    assert (x == 3).all()
    bins = masked_bins(y)
    np.testing.assert_array_equal(bins, bins[0] + np.arange(9))
    noise = np.delete(y, bins, axis=0) - 3
    assert np.abs(noise).max() <= 0.05 + 1e-6
    # Mean and variance of U(-0.05, 0.05), drawn for each element.
    assert noise.mean() == pytest.approx(0, abs=3e-4)
    assert noise.var() == pytest.approx(0.1**2 / 12, rel=0.02)
    assert len(np.unique(noise)) > 10000


def test_starts_of_the_mask():
    augment = SpectrogramAugment(noise=0.01, mask_bins=3)
    x = np.ones((10, 4), np.float32)
    starts = {
        int(masked_bins(augment(dict(audios=x))['audios'])[0])
        for _ in range(200)
    }
    # [0, F - 1 - mask_bins), as the released [0, 247) for 257 and 9 bins.
    assert starts == set(range(6))


def test_either_part_can_be_left_out():
    x = np.random.randn(20, 5).astype(np.float32)
    y = SpectrogramAugment(noise=0, mask_bins=0)(dict(audios=x))['audios']
    np.testing.assert_array_equal(x, y)


def test_repeats_with_the_seed_of_numpy():
    x = np.ones((30, 4), np.float32)
    first, other, again = (
        (np.random.seed(s), SpectrogramAugment()(dict(audios=x))['audios'])[1]
        for s in (5, 6, 5)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_wrong_augmentation():
    with pytest.raises(ValueError, match='must not be negative'):
        SpectrogramAugment(noise=-0.1)
    with pytest.raises(ValueError, match='must not be negative'):
        SpectrogramAugment(mask_bins=-1)
    with pytest.raises(ValueError, match='only 10 bins'):
        SpectrogramAugment()(dict(audios=np.ones((10, 4), np.float32)))


def test_shape_and_type():
    x = np.random.randn(4, 6).T
    y = FormatSpectrogram()(dict(audios=x))['audios']
    assert y.shape == (1, 6, 4)
    assert y.dtype == np.float32
    assert y.flags.c_contiguous
    np.testing.assert_allclose(y[0], x, rtol=1e-6)
