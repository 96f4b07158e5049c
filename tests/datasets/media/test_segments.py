# Copyright (c) mmgmp authors.
"""A part of a long file has its own frames and their sound."""

from fractions import Fraction

import numpy as np
import pytest

from mmgmp.datasets import (
    CachedTransforms,
    CorruptMediaError,
    DecodeFrames,
    LoadAudio,
    OpenVideo,
    ResampleFrames,
)
from mmgmp.datasets.media import audio
from mmgmp.datasets.media.audio import EmptyWindowError, read_audio_track
from tests.utils.media import moving_frames, write_video, write_wav
from tests.utils.muxing import picture_second, tone_second, write_seconds

CONSTANT = np.arange(0, 4, 1 / 30)
VARYING = np.r_[np.arange(0, 2, 0.2), np.arange(2, 4, 1 / 60)]
MS = Fraction(1, 1000)


def item(path, start=None, stop=None):
    part = dict(clip_start=start, clip_stop=stop)
    part = {key: t for key, t in part.items() if t is not None}
    return dict(filename=str(path), audio_path='', start_index=0, **part)


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    root = tmp_path_factory.mktemp('segments')
    return dict(
        mp4=write_seconds(root / 'a.mp4', CONSTANT),
        late=write_seconds(root / 'b.mp4', CONSTANT[30:] + 0.0),
        varying=write_seconds(root / 'c.mkv', VARYING, tick=MS),
    )


@pytest.mark.parametrize('in_memory', [False, True])
@pytest.mark.parametrize(
    ('name', 'start', 'stop', 'length', 'second'),
    [
        ('mp4', 2, 3, 30, 2),
        ('mp4', None, 1, 30, 0),
        ('mp4', 3, None, 30, 3),
        # Seconds count from the first frame, which is at 1 s.
        ('late', 1, 2, 30, 2),
        ('varying', 1, 2, 5, 1),
        ('varying', 2, 3, 60, 2),
    ],
)
def test_picture_and_sound(
    files, name, start, stop, length, second, in_memory
):
    results = OpenVideo(in_memory)(item(files[name], start, stop))
    assert results['total_frames'] == length
    results['frame_inds'] = np.array([0, length // 2, length - 1])
    results = DecodeFrames()(results)
    assert [picture_second(i) for i in results['imgs']] == pytest.approx(
        [second] * 3, abs=0.1
    )
    results = LoadAudio()(results)
    assert len(results['audios']) == pytest.approx(16000, abs=1200)
    assert tone_second(results['audios'][800:-800]) == pytest.approx(
        second, abs=0.05
    )


def test_resampled_segment(files):
    results = OpenVideo()(item(files['varying'], 1, 3))
    results = ResampleFrames(10)(results)
    assert results['total_frames'] == 20
    results['frame_inds'] = np.arange(10, 20)
    results = LoadAudio()(DecodeFrames()(results))
    assert picture_second(results['imgs'][0]) == pytest.approx(2, abs=0.1)
    assert tone_second(results['audios'][800:-800]) == pytest.approx(2, 0.05)


def test_whole_sound_of_a_segment(files):
    results = OpenVideo()(item(files['mp4'], 1, 2))
    results = LoadAudio(align='whole')(results)
    assert len(results['audios']) == 16000
    assert tone_second(results['audios']) == pytest.approx(1, abs=0.05)


def test_separate_sound_file(files, tmp_path):
    wave, rate = read_audio_track(files['mp4'])
    write_wav(tmp_path / 'a.wav', wave, rate)
    results = OpenVideo()(item(files['mp4'], 3, 4))
    results['audio_path'] = str(tmp_path / 'a.wav')
    results['frame_inds'] = np.arange(30)
    results = LoadAudio()(results)
    assert results['audio_path'].endswith('.wav')
    assert tone_second(results['audios'][800:-800]) == pytest.approx(3, 0.02)


def test_segments_have_their_own_place_in_a_cache(files):
    cache = CachedTransforms([OpenVideo(True)])
    for start in (0, 2, 0):
        results = cache(item(files['mp4'], start, 3))
        image = results['video_reader'].read([15])[0]
        assert picture_second(image) == pytest.approx(start, abs=0.1)
    assert len(cache) == 2


def test_segment_after_the_end(files):
    with pytest.raises(CorruptMediaError, match='no frame from 9 s.*4.00 s'):
        OpenVideo()(item(files['mp4'], 9, 10))


@pytest.mark.parametrize('suffix', ['mp4', 'mkv'])
def test_jump_to_a_late_window(tmp_path, suffix, monkeypatch):
    """A window late in a long file is the same as if all were decoded."""
    path = tmp_path / f'a.{suffix}'
    t = np.arange(40 * 8000) / 8000
    chirp = 0.5 * np.sin(2 * np.pi * (100 + 20 * t) * t)
    write_video(path, moving_frames(40), 1, chirp[None], audio_rate=8000)
    decoded = []
    decode = audio.decode

    def counted(*args):
        for frame in decode(*args):
            decoded.append(frame.samples)
            yield frame

    monkeypatch.setattr(audio, 'decode', counted)
    late, rate = read_audio_track(path, 35.25, 36.25)
    assert sum(decoded) < 4 * rate
    with pytest.raises(EmptyWindowError, match=r'to 4\d\.\d\d s'):
        read_audio_track(path, 50, 51)
    monkeypatch.setattr(audio, '_SEEK_FROM', 1000)
    whole, _ = read_audio_track(path, 35.25, 36.25)
    assert late.shape == whole.shape == (rate,)
    # Matroska rounds times to milliseconds.
    shift = min(
        np.abs(late[20:-20] - np.roll(whole, k)[20:-20]).max()
        for k in range(-17, 18)
    )
    assert shift < 0.02


def test_index_that_leads_too_far(tmp_path, monkeypatch):
    path = tmp_path / 'a.mp4'
    write_seconds(path, np.arange(0, 4, 0.5), fps=2)
    monkeypatch.setattr(audio, '_SEEK_FROM', 1)
    monkeypatch.setattr(audio, '_SETTLE', -1)
    wave, rate = read_audio_track(path, 2, 3)
    assert tone_second(wave, rate) == pytest.approx(2, abs=0.05)
    assert wave[:1000].any()
