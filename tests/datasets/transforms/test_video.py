# Copyright (c) mmgmp authors.
"""`OpenVideo` with `DecodeFrames` reads the frames of the stock decoders."""

import numpy as np
import pytest
from mmcv.transforms import Compose

from mmgmp.datasets import CorruptMediaError, OpenVideo
from mmgmp.datasets.media.video import read_video
from tests.utils.media import moving_frames, write_video


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp('media') / 'a.mp4'
    write_video(path, moving_frames(50, 36, 48), fps=25)
    return str(path)


def ours(in_memory, results, short_side=None, **sample):
    opening = dict(
        type='OpenVideo', in_memory=in_memory, short_side=short_side
    )
    sample = dict(
        type='SampleFrames', frame_interval=2, test_mode=True, **sample
    )
    return Compose([opening, sample, dict(type='DecodeFrames')])(results)


@pytest.mark.parametrize('in_memory', [False, True])
@pytest.mark.parametrize('clip_len', [8, 32])  # the longer one wraps around
@pytest.mark.parametrize('num_clips', [1, 3])
@pytest.mark.parametrize('start_index', [0, 1])
def test_same_frames_as_stock(
    video, in_memory, clip_len, num_clips, start_index
):
    found = ours(
        in_memory,
        dict(filename=video, start_index=start_index),
        clip_len=clip_len,
        num_clips=num_clips,
    )
    sample = dict(
        type='SampleFrames',
        frame_interval=2,
        test_mode=True,
        clip_len=clip_len,
        num_clips=num_clips,
    )
    stock = Compose([dict(type='PyAVInit'), sample, dict(type='PyAVDecode')])(
        dict(filename=video, start_index=0)
    )
    np.testing.assert_array_equal(found['imgs'], stock['imgs'])
    assert len(found['imgs']) == clip_len * num_clips
    for key in ('total_frames', 'img_shape', 'original_shape'):
        assert found[key] == stock[key]
    assert found['avg_fps'] == 25.0
    assert 'video_reader' not in found


def test_short_side(video):
    item = dict(filename=video, start_index=0)
    found = ours(True, item, short_side=18, clip_len=2)
    expected, _ = read_video(video, 18)
    np.testing.assert_array_equal(found['imgs'], expected[found['frame_inds']])
    assert found['img_shape'] == found['original_shape'] == (18, 24)
    for arguments in ((True, 0), (False, 18)):
        with pytest.raises(ValueError, match='`short_side` must be'):
            OpenVideo(*arguments)


@pytest.mark.parametrize('in_memory', [False, True])
def test_frames_as_released(video, in_memory):
    """Frame i - 1 of N - 1, as the published loader decodes them."""
    everything, _ = read_video(video)
    item = dict(filename=video, start_index=0, alignment='as_released')
    results = ours(in_memory, item, clip_len=30)
    assert results['total_frames'] == 49
    np.testing.assert_array_equal(
        results['frame_inds'], np.arange(0, 60, 2) % 49
    )
    expected = [everything[max(i - 1, 0)] for i in results['frame_inds']]
    np.testing.assert_array_equal(results['imgs'], expected)


@pytest.mark.parametrize('in_memory', [False, True])
def test_video_of_one_frame(tmp_path, in_memory):
    path = str(tmp_path / 'a.mp4')
    write_video(path, moving_frames(1))
    item = dict(filename=path, start_index=0)
    transform = OpenVideo(in_memory)
    assert transform(dict(item))['total_frames'] == 1
    with pytest.raises(CorruptMediaError, match=r'a\.mp4 has too few frames'):
        transform(dict(item, alignment='as_released'))


def test_folder_of_frames_in_memory_is_refused():
    with pytest.raises(ValueError, match='got the folder of frames rgb/P08'):
        OpenVideo(in_memory=True)(dict(frame_dir='rgb/P08'))
