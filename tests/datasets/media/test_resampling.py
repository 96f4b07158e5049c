# Copyright (c) mmgmp authors.
"""`ResampleFrames` gives clips of all cameras the same time scale."""

import copy

import numpy as np
import pytest
from mmcv.transforms import Compose

from mmgmp.datasets import CachedTransforms, OpenVideo, ResampleFrames
from mmgmp.datasets.media.resampling import ResampledReader
from mmgmp.datasets.media.video import read_frame_times, read_video
from tests.utils.muxing import write_seconds

VARYING = np.r_[np.arange(0, 2, 0.2), np.arange(2, 4, 1 / 60)]
CAMERAS = {
    24: np.arange(0, 4, 1 / 24),
    60: np.arange(0, 4, 1 / 60),
    10: np.arange(0, 4, 1 / 10),
    'varying': VARYING,
}


def sample(path, in_memory=False, test_mode=True):
    return Compose(
        [
            dict(type='OpenVideo', in_memory=in_memory),
            dict(type='ResampleFrames', fps=24),
            dict(
                type='SampleFrames',
                clip_len=8,
                frame_interval=6,
                test_mode=test_mode,
            ),
            dict(type='DecodeFrames'),
            dict(type='LoadAudio'),
        ]
    )(dict(filename=path, audio_path='', start_index=0))


@pytest.mark.parametrize('camera', CAMERAS)
@pytest.mark.parametrize('suffix', ['mp4', 'mkv'])
def test_times_of_frames_agree(tmp_path, camera, suffix):
    times = CAMERAS[camera]
    fps = 30 if camera == 'varying' else camera
    path = write_seconds(tmp_path / f'a.{suffix}', times, shift=3, fps=fps)
    reader = OpenVideo()(dict(filename=path))
    reader = ResampleFrames(24)(reader)['video_reader']
    # Matroska does not tell how long the last frame of such a file lasts.
    assert len(reader) == 96 + (camera == 'varying' and suffix == 'mkv')
    steps = np.append(np.diff(times), 1 / fps)
    lag = np.arange(len(reader)) / 24 - times[reader._stored]
    assert lag.min() > -2e-3
    assert (lag < steps[reader._stored] + 2e-3).all()
    frames, _ = read_video(path)
    np.testing.assert_array_equal(
        reader.read([50, 3]), frames[reader._stored[[50, 3]]]
    )
    if camera == 24:
        np.testing.assert_array_equal(reader._stored, np.arange(96))


def test_whole_pipeline_at_two_rates(tmp_path):
    slow, fast, varying = (
        write_seconds(tmp_path / f'{camera}.mp4', CAMERAS[camera], fps=fps)
        for camera, fps in ((24, 24), (60, 60), ('varying', 60))
    )
    expected = sample(slow)
    for path in (slow, fast, varying):
        for in_memory in (False, True):
            found = sample(path, in_memory)
            np.testing.assert_array_equal(
                found['frame_inds'], expected['frame_inds']
            )
            np.testing.assert_allclose(
                np.array(found['imgs'], float),
                np.array(expected['imgs'], float),
                atol=6,
            )
            # The same two seconds of sound.
            assert len(found['audios']) == len(expected['audios'])
            assert found['total_frames'] == 96
            assert found['avg_fps'] == 24
    np.random.seed(1)
    drawn = {
        sample(path, test_mode=False)['frame_inds'][0] for path in [fast] * 9
    }
    assert len(drawn) > 3


def test_in_the_cache(tmp_path):
    path = write_seconds(tmp_path / 'a.mp4', CAMERAS[60], fps=60)
    cache = CachedTransforms([OpenVideo(True), ResampleFrames(30)])
    for _ in range(2):
        reader = cache(dict(filename=path))['video_reader']
        assert len(reader) == 120
    assert len(cache) == 1
    assert cache.num_bytes >= 240 * 48 * 64 * 3
    assert copy.deepcopy(reader).nbytes == reader.nbytes


def test_short_clip_has_a_frame(tmp_path):
    path = write_seconds(tmp_path / 'a.mp4', np.array([0, 1 / 60]), fps=60)
    reader = ResampledReader([0, 0], read_frame_times(path), 1)
    assert len(reader) == 1


def test_what_has_no_times_is_refused():
    for fps in (0, -1, float('inf'), float('nan')):
        with pytest.raises(ValueError, match='`fps` must be positive'):
            ResampleFrames(fps)
    with pytest.raises(ValueError, match=r'must follow `OpenVideo`.* rgb/P08'):
        ResampleFrames(24)(dict(filename='rgb/P08'))
    item = dict(frame_times=None, alignment='as_released')
    with pytest.raises(ValueError, match='takes every file for one of 24 fps'):
        ResampleFrames(24)(item)
