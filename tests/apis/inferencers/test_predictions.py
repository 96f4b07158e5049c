# Copyright (c) mmgmp authors.
"""Predictions as dicts, as tables and drawn on videos."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import torch
from mmaction.structures import ActionDataSample

from mmgmp.apis import format_prediction
from mmgmp.apis.inferencers.predictions import to_dict
from mmgmp.datasets.media.audio import read_audio_track
from mmgmp.datasets.media.video import read_video
from tests.utils.media import moving_frames, tone, write_video
from tests.utils.muxing import hold_upright, mux


def frame_times(path):
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def test_drawn_video_keeps_frames_and_sound(inferencer, clip, tmp_path):
    (drawn,) = inferencer(clip, out_dir=tmp_path)['visualization']
    assert drawn == str(tmp_path / 'clip.mp4')
    assert frame_times(drawn) == pytest.approx(frame_times(clip), abs=1e-3)
    sound, rate = read_audio_track(drawn)
    stored, stored_rate = read_audio_track(clip)
    assert rate == stored_rate
    np.testing.assert_array_equal(sound, stored)
    before, after = read_video(clip)[0], read_video(drawn)[0]
    assert before.shape == after.shape
    change = np.abs(before.astype(int) - after).mean(axis=(0, 2, 3))
    rows = len(change)
    assert change[: rows // 10].mean() > 10  # the band of text
    assert change[rows // 2 :].mean() < 5


def test_any_sound_is_kept_and_odd_sizes_fit(inferencer, clips, tmp_path):
    with av.open(str(tmp_path / 'odd.avi'), 'w') as container:
        video = container.add_stream('mpeg4', rate=10)
        video.width, video.height, video.pix_fmt = 41, 33, 'yuv420p'
        for image in moving_frames(20, 33, 41):
            container.mux(video.encode(av.VideoFrame.from_ndarray(image)))
        container.mux(video.encode())
    wave = soundfile.read(clips[0][1], dtype='float32')[0][:20000]
    path = mux(tmp_path / 'odd.avi', wave, tmp_path / 'sound.avi', 'pcm_s16le')
    out = tmp_path / 'out'
    (drawn,) = inferencer(path, out_dir=out)['visualization']
    assert drawn == str(out / 'sound.mkv')
    np.testing.assert_array_equal(
        read_audio_track(drawn)[0], read_audio_track(path)[0]
    )
    frames, _ = read_video(drawn)
    assert frames.shape == (20, 32, 40, 3)


def test_drawn_video_is_upright(inferencer, tmp_path):
    frames = np.zeros((10, 32, 64, 3), np.uint8)
    frames[:, 16:, :32] = 255  # below, to the left
    write_video(tmp_path / 'lying.mp4', frames, audio=tone(0.5)[None])
    path = hold_upright(tmp_path / 'lying.mp4', tmp_path / 'held.mp4')
    out = tmp_path / 'out'
    (drawn,) = inferencer(path, out_dir=out)['visualization']
    frames, _ = read_video(drawn)
    assert frames.shape == (10, 64, 32, 3)
    # Turned clockwise, it is above to the left; the text lies over its top.
    corner = frames[:, 24:31, 1:15].mean(), frames[:, 24:31, 17:].mean()
    assert corner[0] > 240
    assert corner[1] < 15
    assert frames[:, 34:].mean() < 15


def test_nothing_is_overwritten(inferencer, clip, tmp_path):
    (tmp_path / 'other').mkdir()
    other = tmp_path / 'other/clip.mp4'
    other.write_bytes(Path(clip).read_bytes())
    with pytest.raises(ValueError, match='would overwrite'):
        inferencer([clip, other], out_dir=tmp_path / 'out')
    with pytest.raises(ValueError, match='would overwrite'):
        inferencer(other, out_dir=other.parent)
    assert other.read_bytes() == Path(clip).read_bytes()


def test_table_by_hand():
    sample = ActionDataSample(
        metainfo=dict(filename='a.mp4', missing=dict(audio='gone'))
    )
    sample.set_pred_score(
        dict(
            fused=torch.tensor([0.125, 0.625, 0.25]),
            video=torch.tensor([0.5, 0.0, 0.5]),
            video_unimodal=torch.tensor([0.25, 0.5, 0.25]),
        )
    )
    prediction = to_dict(sample, ('running', 'eating', 'opening_door'), 2)
    assert prediction == dict(
        filename='a.mp4',
        missing=dict(audio='gone'),
        classes=[
            dict(
                name='eating',
                label=1,
                scores=dict(fused=0.625, video=0.0, video_unimodal=0.5),
            ),
            dict(
                name='opening_door',
                label=2,
                scores=dict(fused=0.25, video=0.5, video_unimodal=0.25),
            ),
        ],
    )
    assert format_prediction(prediction).splitlines() == [
        'a.mp4',
        'no audio: gone',
        'score (%)      fused   video',
        'eating          62.5     0.0',
        'opening_door    25.0    50.0',
    ]
