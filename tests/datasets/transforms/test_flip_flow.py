# Copyright (c) mmgmp authors.
"""`FlipFlow` mirrors both components and inverts the horizontal one."""

import numpy as np
import pytest

from mmgmp.datasets import FlipFlow


def frames():
    x = np.array([[0, 100, 255], [128, 127, 3]], np.uint8)
    return [np.stack([x, x + 1], axis=-1), np.stack([x, x], axis=-1)]


def test_mirrored():
    original = frames()
    results = FlipFlow(flip_ratio=1)(dict(imgs=original))
    assert results['flip'] is True
    for image in results['imgs']:
        np.testing.assert_array_equal(
            image[..., 0], [[0, 155, 255], [252, 128, 127]]
        )
    np.testing.assert_array_equal(
        results['imgs'][0][..., 1], [[0, 101, 1], [4, 128, 129]]
    )
    np.testing.assert_array_equal(
        results['imgs'][1][..., 1], [[255, 100, 0], [3, 127, 128]]
    )
    np.testing.assert_array_equal(original, frames())  # not in place


def test_not_mirrored():
    results = FlipFlow(flip_ratio=0)(dict(imgs=frames()))
    assert results['flip'] is False
    np.testing.assert_array_equal(results['imgs'], frames())


def test_probability():
    flips = [FlipFlow()(dict(imgs=frames()))['flip'] for _ in range(400)]
    assert 150 < sum(flips) < 250
    for ratio in (-0.1, 1.5):
        with pytest.raises(ValueError, match='flip_ratio'):
            FlipFlow(ratio)
