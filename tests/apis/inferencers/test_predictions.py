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
from mmgmp.apis.inferencers import predictions
from mmgmp.apis.inferencers.predictions import draw_on_video, to_dict
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


def test_no_file_of_someone_else_is_replaced(inferencer, clip, tmp_path):
    precious = tmp_path / 'precious'
    precious.write_text('mine')
    for number, make in enumerate(
        [
            lambda path: path.symlink_to(precious),
            lambda path: path.symlink_to(tmp_path / 'nowhere'),
            lambda path: path.write_text('mine'),
        ]
    ):
        out = tmp_path / str(number)
        out.mkdir()
        make(out / 'clip.mp4')
        with pytest.raises(ValueError, match='already has clip.mp4'):
            inferencer(clip, out_dir=out)
    assert precious.read_text() == (tmp_path / '2/clip.mp4').read_text()
    assert not (tmp_path / 'nowhere').exists()
    (tmp_path / 'link').symlink_to(tmp_path / 'nowhere')
    with pytest.raises(ValueError, match='not a folder'):
        inferencer(clip, out_dir=tmp_path / 'link')


def test_link_planted_while_predicting_is_not_followed(clip, tmp_path):
    precious = tmp_path / 'precious'
    precious.write_text('mine')
    (tmp_path / 'a.mp4').symlink_to(precious)
    with pytest.raises(FileExistsError):
        draw_on_video(clip, tmp_path / 'a.mp4', ['text'])
    assert precious.read_text() == 'mine'


def test_video_that_cannot_be_drawn_does_not_lose_the_others(
    inferencer, clip, tmp_path, monkeypatch
):
    other = tmp_path / 'other.mp4'
    other.write_bytes(Path(clip).read_bytes())
    transcode = predictions._transcode

    def fill_disk(source, target, *args):
        transcode(source, target, *args)
        if 'other' in source.name:
            raise OSError(28, 'No space left on device')

    monkeypatch.setattr(predictions, '_transcode', fill_disk)
    errors = {}
    out = tmp_path / 'out'
    result = inferencer(
        [str(other), clip, clip],
        out_dir=out,
        on_corrupt=lambda path, error: errors.update({path: str(error)}),
    )
    assert len(result['predictions']) == 3
    assert result['visualization'] == [str(out / 'clip.mp4')] * 2
    assert [path.name for path in out.iterdir()] == ['clip.mp4']
    assert list(errors) == [str(other)]
    assert 'other.mp4 was not written: ' in errors[str(other)]


def test_scores_that_are_not_finite_are_an_error(
    inferencer, clip, monkeypatch
):
    output = inferencer.model.cls_head.classifier.output
    monkeypatch.setattr(
        output, 'forward', lambda x: torch.full((len(x), 7), torch.nan)
    )
    with pytest.raises(RuntimeError, match='clip.mp4 are not finite'):
        inferencer(clip)
    errors = []
    result = inferencer(clip, on_corrupt=lambda *args: errors.append(args))
    assert len(errors) == 1 and result['predictions'] == []


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
