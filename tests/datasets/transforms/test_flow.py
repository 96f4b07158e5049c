# Copyright (c) mmgmp authors.
"""Optical flow is read separately from RGB; flipping changes its sign."""

import mmcv
import numpy as np
import pytest
from mmaction.registry import TRANSFORMS

from mmgmp.datasets import (
    CorruptMediaError,
    FlipFlow,
    FlowBranch,
    OpenFlow,
)
from mmgmp.datasets.media.video import read_video
from tests.utils.media import moving_frames, write_video


@pytest.fixture(scope='module')
def paths(tmp_path_factory):
    """Flow of 30 frames; the vertical component has 28."""
    folder = tmp_path_factory.mktemp('flow')
    frames = moving_frames(30, 36, 48)
    for c, name in enumerate('xy'):
        grey = np.repeat(frames[: 30 - 2 * c, ..., c, None], 3, axis=-1)
        write_video(folder / f'{name}.mp4', grey, fps=15)
    return tuple(str(folder / f'{name}.mp4') for name in 'xy')


def grey(path):
    return [mmcv.rgb2gray(frame) for frame in read_video(path)[0]]


def branch(*transforms, **sample):
    sample = dict(dict(clip_len=8, frame_interval=4, test_mode=True), **sample)
    return FlowBranch(
        [
            dict(type='OpenFlow'),
            dict(type='SampleFrames', **sample),
            dict(type='DecodeFrames'),
            *transforms,
            dict(type='FormatShape', input_format='NCTHW'),
        ]
    )


def test_two_videos(paths):
    results = branch()(dict(flow_paths=paths))
    assert results['flow'].shape == (1, 2, 8, 36, 48)
    assert results['flow'].dtype == np.uint8
    assert results['flow_fps'] == 15
    indices = [0, 4, 8, 12, 16, 20, 24, 28]
    np.testing.assert_array_equal(results['flow_frame_inds'], indices)
    x, y = map(grey, paths)
    for t, i in enumerate(indices):
        np.testing.assert_array_equal(results['flow'][0, 0, t], x[i])
        # The vertical component repeats its last frame.
        np.testing.assert_array_equal(results['flow'][0, 1, t], y[min(i, 27)])


def test_as_released(paths):
    results = branch(clip_len=20, frame_interval=2)(
        dict(flow_paths=paths, alignment='as_released')
    )
    indices = results['flow_frame_inds']
    np.testing.assert_array_equal(indices, np.arange(0, 40, 2) % 29)
    x, y = map(grey, paths)
    for t, i in enumerate(indices):
        i = max(i - 1, 0)
        np.testing.assert_array_equal(results['flow'][0, 0, t], x[i])
        np.testing.assert_array_equal(results['flow'][0, 1, t], y[i])


@pytest.mark.parametrize('length', [40, 31, 100])
@pytest.mark.parametrize('test_mode', [True, False])
def test_indices_are_those_of_the_stock_transform(length, test_mode):
    sample = dict(
        type='SampleFrames', clip_len=8, frame_interval=4, test_mode=test_mode
    )

    def open_(results):
        return dict(results, total_frames=length, start_index=0, imgs=[])

    found = []
    for build in (
        lambda: FlowBranch([open_, sample])(dict())['flow_frame_inds'],
        lambda: TRANSFORMS.build(sample)(open_({}))['frame_inds'],
    ):
        np.random.seed(3)
        found.append(build())
    np.testing.assert_array_equal(*found)


def test_keys_of_rgb_are_neither_seen_nor_changed(paths):
    rgb = dict(
        filename='a.mp4',
        imgs=[np.zeros((9, 9, 3))],
        frame_inds=np.array([5]),
        start_index=7,
        total_frames=3,
        img_shape=(9, 9),
        modality='RGB',
        flip=True,
        avg_fps=24.0,
        clip_len=1,
    )
    item = dict(rgb, flow_paths=paths)
    results = branch(dict(type='Resize', scale=(-1, 18)))(dict(item))
    assert results.keys() - item.keys() == {
        'flow',
        'flow_frame_inds',
        'flow_fps',
    }
    assert all(results[key] is value for key, value in item.items())
    assert results['flow'].shape == (1, 2, 8, 18, 24)


def test_clip_crop_and_flip_are_drawn_anew(paths):
    crops = [
        dict(type='Resize', scale=(-1, 36)),
        dict(type='RandomResizedCrop', area_range=(0.1, 0.9)),
        dict(type='Resize', scale=(20, 20), keep_ratio=False),
        dict(type='FlipFlow'),
    ]
    transform = branch(*crops, clip_len=2, frame_interval=3, test_mode=False)
    drawn = [transform(dict(flow_paths=paths)) for _ in range(12)]
    starts = {int(r['flow_frame_inds'][0]) for r in drawn}
    assert len(starts) > 4
    assert all(0 <= start <= 24 for start in starts)
    assert len({r['flow'].tobytes() for r in drawn}) == 12


def test_damaged_flow_is_named(paths, tmp_path):
    path = tmp_path / 'y.mp4'
    with pytest.raises(CorruptMediaError, match=r'y\.mp4 does not exist'):
        OpenFlow()(dict(flow_paths=(paths[0], str(path))))
    write_video(path, moving_frames(30, 36, 40))
    with pytest.raises(CorruptMediaError, match=r'x\.mp4.*different sizes'):
        branch()(dict(flow_paths=(paths[0], str(path))))


# --- mirroring ---------------------------------------------------------------


def flow_frames():
    x = np.array([[0, 100, 255], [128, 127, 3]], np.uint8)
    return [np.stack([x, x + 1], axis=-1), np.stack([x, x], axis=-1)]


def test_mirrored():
    original = flow_frames()
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
    np.testing.assert_array_equal(original, flow_frames())  # not in place


def test_not_mirrored():
    results = FlipFlow(flip_ratio=0)(dict(imgs=flow_frames()))
    assert results['flip'] is False
    np.testing.assert_array_equal(results['imgs'], flow_frames())


def test_probability():
    flips = [FlipFlow()(dict(imgs=flow_frames()))['flip'] for _ in range(400)]
    assert 150 < sum(flips) < 250
    for ratio in (-0.1, 1.5):
        with pytest.raises(ValueError, match='flip_ratio'):
            FlipFlow(ratio)
