# Copyright (c) mmgmp authors.
"""Sound is read exactly, and every defect names the file."""

import os

import numpy as np
import pytest
import soundfile

from mmgmp.datasets import CorruptMediaError
from mmgmp.datasets.media.audio import read_audio, read_audio_track
from tests.utils.media import moving_frames, tone, write_video, write_wav


def test_audio_window_is_exact_and_nothing_else_is_read(tmp_path, monkeypatch):
    path = str(tmp_path / 'a.wav')
    stereo = np.stack([tone(2, 8000), 0.5 * tone(2, 8000, 300)], axis=1)
    write_wav(path, stereo, 8000)
    stored, _ = soundfile.read(path, dtype='float32')
    counts = []
    read = soundfile.SoundFile.read

    def spy(self, frames=-1, **kwargs):
        counts.append(frames)
        return read(self, frames, **kwargs)

    monkeypatch.setattr(soundfile.SoundFile, 'read', spy)
    wave, rate = read_audio(path, 0.5, 1.25)
    assert (rate, wave.dtype, counts) == (8000, np.float32, [6000])
    np.testing.assert_allclose(wave, stored[4000:10000].mean(1), atol=1e-7)
    np.testing.assert_allclose(read_audio(path)[0], stored.mean(1), atol=1e-7)
    assert read_audio(path, 1.5, 9)[0].shape == (4000,)


def test_damaged_audio_is_named(tmp_path):
    path = tmp_path / 'a.wav'

    def fails(words, *window):
        with pytest.raises(CorruptMediaError, match=words) as error:
            read_audio(str(path), *window)
        assert str(path) in str(error.value)

    fails('does not exist')
    path.touch()
    fails('is empty')
    path.write_bytes(b'no sound file')
    fails('truncated or cannot be decoded')
    write_wav(path, np.zeros(0))
    fails('lasts from 0.00 to 0.00 s')
    write_wav(path, tone(1))
    fails('lasts from 0.00 to 1.00 s, but the clip from 1.50 s to 2', 1.5, 2)
    path.write_bytes(path.read_bytes()[:-2])
    fails('is truncated: it has 32042 bytes, but its header says 32044')
    soundfile.write(path, np.array([0.0, np.nan]), 16000, subtype='FLOAT')
    fails('not finite')


@pytest.mark.parametrize('size', [0, 0xFFFFFFFF])
def test_wav_written_to_a_pipe_is_not_truncated(tmp_path, size):
    path = tmp_path / 'a.wav'
    write_wav(path, tone(1))
    content = bytearray(path.read_bytes())
    content[4:8] = size.to_bytes(4, 'little')
    path.write_bytes(content)
    assert read_audio(str(path))[0].shape == (16000,)


def test_audio_track_of_a_video(tmp_path):
    path = str(tmp_path / 'a.mp4')
    wave = np.stack([tone(2, 16000, 440), tone(2, 16000, 700)])
    write_video(path, moving_frames(20), fps=10, audio=wave)
    track, rate = read_audio_track(path)
    assert (rate, track.dtype) == (16000, np.float32)
    # AAC appends up to one block of 1024 samples.
    assert 32000 <= len(track) <= 33024 + 1024
    expected = wave.mean(0)
    np.testing.assert_allclose(
        track[1500:31000], expected[1500:31000], atol=0.1
    )
    window, _ = read_audio_track(path, 0.5, 1.25)
    np.testing.assert_array_equal(window, track[8000:20000])
    with pytest.raises(CorruptMediaError, match='the clip from 3'):
        read_audio_track(path, 3.0, 4.0)


def test_audio_track_that_begins_later_is_aligned(tmp_path):
    path = str(tmp_path / 'a.mp4')
    wave = tone(1)[None]
    write_video(path, moving_frames(20), fps=10, audio=wave, audio_begin=0.5)
    window, _ = read_audio_track(path, 0.75, 1.25)
    # The window starts 0.25 s after the track.
    np.testing.assert_allclose(window, wave[0, 4000:12000], atol=0.05)
    with pytest.raises(CorruptMediaError, match=r'lasts from 0\.[45]'):
        read_audio_track(path, 0.0, 0.25)


def test_video_without_audio_track_is_named(tmp_path):
    video = str(tmp_path / 'a.mp4')
    write_video(video, moving_frames(4))
    with pytest.raises(CorruptMediaError, match='no audio track') as error:
        read_audio_track(video)
    assert os.path.basename(video) in str(error.value)
