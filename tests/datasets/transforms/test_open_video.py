# Copyright (c) mmgmp authors.
"""`OpenVideo` with `DecodeFrames` gives the frames of the stock decoders."""

import numpy as np
import pytest
from mmaction.registry import TRANSFORMS

from mmgmp.datasets import CorruptMediaError, OpenVideo
from mmgmp.datasets.media import read_video
from tests.utils.media import moving_frames, write_video


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp('media') / 'a.mp4'
    write_video(path, moving_frames(50, 36, 48), fps=25)
    return str(path)


def run(transforms, results):
    for transform in transforms:
        results = TRANSFORMS.build(transform)(results)
    return results


def sample(**kwargs):
    return dict(type='SampleFrames', frame_interval=2, **kwargs)


@pytest.mark.parametrize('clip_len', [8, 32])  # the longer one wraps around
@pytest.mark.parametrize('num_clips', [1, 3])
def test_same_frames_as_stock(video, clip_len, num_clips):
    sampled = sample(clip_len=clip_len, num_clips=num_clips, test_mode=True)
    ours, stock = (
        run(pipeline, dict(filename=video, start_index=0))
        for pipeline in (
            [dict(type='OpenVideo'), sampled, dict(type='DecodeFrames')],
            [dict(type='PyAVInit'), sampled, dict(type='PyAVDecode')],
        )
    )
    np.testing.assert_array_equal(ours['imgs'], stock['imgs'])
    assert len(ours['imgs']) == clip_len * num_clips
    for key in ('total_frames', 'img_shape', 'original_shape'):
        assert ours[key] == stock[key]
    assert ours['avg_fps'] == 25.0
    assert 'video_reader' not in ours


def test_frames_as_released(video):
    """Frame i - 1 of N - 1, as the published loader decodes them."""
    everything, _ = read_video(video)
    item = dict(filename=video, start_index=0, alignment='as_released')
    results = run(
        [
            dict(type='OpenVideo'),
            sample(clip_len=30, test_mode=True),
            dict(type='DecodeFrames'),
        ],
        item,
    )
    assert results['total_frames'] == 49
    np.testing.assert_array_equal(
        results['frame_inds'], np.arange(0, 60, 2) % 49
    )
    expected = [everything[max(i - 1, 0)] for i in results['frame_inds']]
    np.testing.assert_array_equal(results['imgs'], expected)


def test_video_of_one_frame(tmp_path):
    path = str(tmp_path / 'a.mp4')
    write_video(path, moving_frames(1))
    item = dict(filename=path, start_index=0)
    assert OpenVideo()(dict(item))['total_frames'] == 1
    with pytest.raises(CorruptMediaError, match=r'a\.mp4 has too few frames'):
        OpenVideo()(dict(item, alignment='as_released'))
