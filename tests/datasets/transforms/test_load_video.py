"""`LoadVideo` with `SelectFrames` gives the frames of the stock decoder."""

import numpy as np
import pytest
from mmaction.registry import TRANSFORMS

from mmgmp.datasets import CorruptMediaError, LoadVideo
from tests.utils.media import moving_frames, write_video


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp('media') / 'a.mp4'
    write_video(path, moving_frames(30, 36, 48), fps=25)
    return str(path)


def run(transforms, results):
    for transform in transforms:
        results = TRANSFORMS.build(transform)(results)
    return results


SAMPLE = dict(
    type='SampleFrames', clip_len=8, frame_interval=2, test_mode=True
)


@pytest.mark.parametrize('clip_len', [8, 20])  # the longer one wraps around
def test_same_frames_as_stock(video, clip_len):
    sample = dict(SAMPLE, clip_len=clip_len)
    ours, stock = (
        run(pipeline, dict(filename=video, start_index=0))
        for pipeline in (
            [dict(type='LoadVideo'), sample, dict(type='SelectFrames')],
            [dict(type='PyAVInit'), sample, dict(type='PyAVDecode')],
        )
    )
    np.testing.assert_array_equal(ours['imgs'], stock['imgs'])
    assert len(ours['imgs']) == clip_len
    for key in ('total_frames', 'img_shape', 'original_shape'):
        assert ours[key] == stock[key]
    assert ours['avg_fps'] == 25.0
    assert 'array' not in ours


def test_short_side(video):
    array = LoadVideo(short_side=18)(dict(filename=video))['array']
    assert array.shape == (30, 18, 24, 3)
    with pytest.raises(ValueError, match='short_side'):
        LoadVideo(short_side=0)


def test_damaged_file_is_named(tmp_path):
    path = tmp_path / 'cut.mp4'
    write_video(path, moving_frames(30), faststart=True)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(CorruptMediaError, match=r'cut\.mp4'):
        LoadVideo()(dict(filename=str(path)))
