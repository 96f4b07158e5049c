"""`SpectrogramAugment` adds bounded noise and masks one band."""

import numpy as np
import pytest

from mmgmp.datasets import SpectrogramAugment


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
    # Mean and variance of U(-0.05, 0.05), each element drawn by itself.
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


def test_errors():
    with pytest.raises(ValueError, match='must not be negative'):
        SpectrogramAugment(noise=-0.1)
    with pytest.raises(ValueError, match='must not be negative'):
        SpectrogramAugment(mask_bins=-1)
    with pytest.raises(ValueError, match='only 10 bins'):
        SpectrogramAugment()(dict(audios=np.ones((10, 4), np.float32)))
