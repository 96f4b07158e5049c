"""`FormatSpectrogram` adds the channel."""

import numpy as np

from mmgmp.datasets import FormatSpectrogram


def test_shape_and_type():
    x = np.random.randn(4, 6).T
    y = FormatSpectrogram()(dict(audios=x))['audios']
    assert y.shape == (1, 6, 4)
    assert y.dtype == np.float32
    assert y.flags.c_contiguous
    np.testing.assert_allclose(y[0], x, rtol=1e-6)
