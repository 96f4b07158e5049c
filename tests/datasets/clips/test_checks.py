# Copyright (c) mmgmp authors.
"""Faults of one's own clips."""

import shutil

import numpy as np
import pytest

from mmgmp.datasets.clips.checks import copy_faults, inspect_clip
from mmgmp.datasets.clips.table import Clip
from tests.utils.media import moving_frames, tone, write_video, write_wav

FPS = 4


@pytest.fixture
def clip(tmp_path):
    def clip(seconds=2.0, sound=2.0, begin=0.0, silent=False):
        path = tmp_path / 'a.mp4'
        wave = None
        if sound:
            wave = tone(sound)[None] * (not silent)
        frames = moving_frames(round(seconds * FPS))
        write_video(path, frames, FPS, wave, audio_begin=begin)
        return str(path)

    return clip


def kinds(report):
    return [fault.kind for fault in report.faults]


def test_healthy_clip(clip):
    for decode in (False, True):
        report = inspect_clip(clip(), decode=decode)
        assert report == ((), 2.0, 4.0, (32, 40))


@pytest.mark.parametrize(
    ('kwargs', 'kind', 'words'),
    [
        (dict(sound=0), 'silent', 'has no audio track'),
        (dict(silent=True), 'silent', 'every sample is zero'),
        (dict(sound=1.5), 'short', r'ends 0\.4. s before the picture'),
        (dict(sound=1.0, begin=1.0), 'short', 'does not cover'),
    ],
)
def test_sound(clip, kwargs, kind, words):
    (fault,) = inspect_clip(clip(**kwargs)).faults
    assert fault.kind == kind
    with pytest.raises(ValueError, match=words):
        raise ValueError(fault.message)


def test_gap_of_a_long_clip(clip):
    """The sampled clip of 2 s must never be without sound."""
    assert kinds(inspect_clip(clip(24, 22.9))) == ['short']
    assert kinds(inspect_clip(clip(24, 23.3))) == []


def test_separate_sound_file(clip, tmp_path):
    path, wav = clip(sound=0), tmp_path / 'a.wav'
    (fault,) = inspect_clip(path, str(wav)).faults
    assert fault == ('missing', str(wav), f'{wav} is missing')
    write_wav(wav, tone(2))
    assert kinds(inspect_clip(path, str(wav))) == []
    write_wav(wav, tone(1.5))
    assert kinds(inspect_clip(path, str(wav))) == ['short']
    wav.write_bytes(b'no sound')
    assert kinds(inspect_clip(path, str(wav))) == ['unreadable']


def test_segment(clip):
    path = clip(6, 3)
    report = inspect_clip(path, start=1, stop=3)
    assert report.seconds == 2 and not report.faults
    assert kinds(inspect_clip(path, start=4, stop=5)) == ['short']
    assert kinds(inspect_clip(path, start=0, stop=8)) == ['short', 'short']
    assert kinds(inspect_clip(path, start=7)) == ['unreadable']


@pytest.mark.parametrize('damage', [b'', b'no video'])
def test_broken_file(tmp_path, damage):
    path = tmp_path / 'a.mp4'
    assert kinds(inspect_clip(str(path))) == ['missing']
    path.write_bytes(damage)
    report = inspect_clip(str(path))
    assert kinds(report) == ['unreadable'] and report.seconds == 0
    assert str(path) in report.faults[0].message


def test_copy_that_was_not_finished(tmp_path):
    path = tmp_path / 'a.mp4'
    write_video(path, moving_frames(40), 10, tone(4)[None], faststart=True)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (fault,) = inspect_clip(str(path)).faults
    assert fault.kind == 'unreadable' and 's of 4.00 s' in fault.message


def test_sound_file_is_no_video(tmp_path):
    write_wav(tmp_path / 'a.wav', tone(1))
    (fault,) = inspect_clip(str(tmp_path / 'a.wav')).faults
    assert fault.kind == 'unreadable' and 'no video' in fault.message


def test_copies(tmp_path):
    names = [tmp_path / f'{i}.mp4' for i in range(3)]
    write_video(names[0], moving_frames(3))
    for name in names[1:]:
        shutil.copy(names[0], name)
    videos = [*map(str, names)]
    clips = [Clip(v, 'walk', 'a') for v in videos]
    # Of equal rows, the first one can stay.
    assert [*copy_faults(clips, videos)] == [1, 2]
    clips[2] = clips[2]._replace(label='clap')
    faults = copy_faults(clips, videos)
    assert sorted(faults) == [0, 1, 2]
    assert f'{videos[0]} (domain a, class walk) is the same' in faults[0][2]
    # Segments of one file are no copies.
    clips = [Clip(videos[0], c, 'a', start=t) for c, t in (('x', 0), ('y', 1))]
    assert not copy_faults(clips, videos[:1] * 2)
    np.testing.assert_equal(faults[2].kind, 'duplicate')
