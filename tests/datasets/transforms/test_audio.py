"""`LoadAudio` loads the sound of the sampled frames."""

import numpy as np
import pytest
import soundfile

from mmgmp.datasets import CorruptMediaError, LoadAudio
from mmgmp.datasets.transforms.audio import clip_window, resample
from mmgmp.datasets.transforms.spectrogram import fit_length
from tests.utils.media import moving_frames, tone, write_video, write_wav


@pytest.fixture
def sample(tmp_path):
    """A clip of 2 s at 12 fps with a rising sound."""
    write_video(tmp_path / 'a.mp4', moving_frames(24), fps=12)
    write_wav(tmp_path / 'a.wav', np.linspace(0.1, 0.9, 32000))
    return dict(
        filename=str(tmp_path / 'a.mp4'),
        audio_path=str(tmp_path / 'a.wav'),
        frame_inds=np.array([6, 8, 10, 12]),
        start_index=0,
    )


@pytest.mark.parametrize('known', [True, False])
def test_window_follows_frames_and_true_frame_rate(sample, known):
    if known:
        sample['avg_fps'] = 12.0
    results = LoadAudio()(dict(sample))
    stored, _ = soundfile.read(sample['audio_path'], dtype='float32')
    # Frames 6 to 12 at 12 fps last from 6/12 s to 13/12 s.
    np.testing.assert_array_equal(results['audios'], stored[8000:17333])
    assert results['audios'].dtype == np.float32
    assert results['sample_rate'] == 16000
    assert results['audio_path'] == sample['audio_path']
    whole = LoadAudio(align='whole')(dict(sample))
    np.testing.assert_array_equal(whole['audios'], stored)


def test_start_index(sample):
    stored, _ = soundfile.read(sample['audio_path'], dtype='float32')
    results = LoadAudio()(dict(sample, start_index=6))
    np.testing.assert_array_equal(results['audios'], stored[:9333])


def test_window_of_a_wrapped_clip_is_the_whole_video():
    indices = np.arange(0, 64, 2) % 50
    assert indices[-1] == 12
    assert clip_window(indices, 25.0) == (0.0, 49 / 25)
    assert clip_window(np.array([40, 42, 2, 4]), 20.0) == (0.1, 43 / 20)


def test_other_sample_rate(tmp_path, sample):
    write_wav(tmp_path / 'a.wav', tone(2, 44100, 1000), 44100)
    wave = LoadAudio(align='whole')(dict(sample))['audios']
    assert wave.shape == (32000,)
    assert wave.dtype == np.float32
    # The ends of a filtered signal differ.
    inner = slice(100, -100)
    np.testing.assert_allclose(
        wave[inner], tone(2, 16000, 1000)[inner], atol=2e-3
    )
    clip = LoadAudio(sample_rate=8000)(dict(sample))
    assert clip['sample_rate'] == 8000
    assert len(clip['audios']) == pytest.approx(8000 * 7 / 12, abs=1)


def test_resampling_removes_what_would_alias():
    assert np.abs(resample(tone(1, 48000, 15000), 48000, 16000)).max() < 0.1
    wave = tone(0.1)
    assert resample(wave, 16000, 16000) is wave


def test_falls_back_to_the_track_of_the_video(tmp_path, sample):
    path = tmp_path / 'b.mp4'
    wave = tone(2, 32000)
    write_video(
        path, moving_frames(24), fps=12, audio=wave[None], audio_rate=32000
    )
    sample.update(filename=str(path), audio_path=str(tmp_path / 'b.wav'))
    results = LoadAudio()(dict(sample))
    assert results['audio_path'] == str(path)
    assert results['sample_rate'] == 16000
    # AAC is lossy; a shift by one sample would give a correlation of 0.985.
    expected = tone(2)[8000 : 8000 + len(results['audios'])]
    assert len(expected) == pytest.approx(16000 * 7 / 12, abs=1)
    assert np.corrcoef(results['audios'], expected)[0, 1] > 0.99


def test_neither_file_nor_track_is_named(sample):
    sample['audio_path'] += 'x'
    with pytest.raises(CorruptMediaError, match=r'a\.mp4 has no audio track'):
        LoadAudio()(sample)


def test_silent_file_is_corrupt_but_a_silent_passage_is_not(tmp_path, sample):
    wave = np.zeros(32000)
    write_wav(tmp_path / 'a.wav', wave)
    for align in ('clip', 'whole'):
        with pytest.raises(CorruptMediaError, match=r'a\.wav is silent'):
            LoadAudio(align=align)(dict(sample))
    wave[-1] = 0.5
    write_wav(tmp_path / 'a.wav', wave)
    assert not LoadAudio()(dict(sample))['audios'].any()


def test_audio_shorter_than_the_video(tmp_path, sample):
    write_wav(tmp_path / 'a.wav', tone(1))
    assert LoadAudio()(dict(sample))['audios'].shape == (8000,)
    write_wav(tmp_path / 'a.wav', tone(0.5))
    with pytest.raises(CorruptMediaError, match=r'a\.wav lasts .* to 0\.50 s'):
        LoadAudio()(dict(sample))


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (dict(sample_rate=0), 'sample_rate'),
        (dict(align='start'), 'align'),
        (dict(follow='audio'), 'follow'),
    ],
)
def test_wrong_argument(arguments, words):
    with pytest.raises(ValueError, match=words):
        LoadAudio(**arguments)


# --- published protocols ----------------------------------------------------


def released_piece(samples, start_time, end_time, rate):
    """The published code: a window, repeated to 160000 samples."""
    duration = len(samples) / rate
    start = int(np.round(start_time / duration * len(samples)))
    end = int(np.round(end_time / duration * len(samples)))
    samples = samples[start:end][:160000]
    if len(samples) == 0:
        samples = np.zeros(160000)
    while len(samples) < 160000:
        samples = np.tile(samples, 10)[:160000]
    return samples


@pytest.mark.parametrize('rate', [16000, 44100])
@pytest.mark.parametrize(
    'indices',
    [
        np.arange(7, 71, 2),
        np.arange(0, 64, 2) % 49,  # a clip of 50 frames: 13 / 24 s
        np.arange(0, 64, 2) % 62,  # of 63 frames: no sound
        np.array([30, 4]),  # ends before it begins
        np.array([60, 90]),  # begins after the sound ends
    ],
)
def test_window_as_released(sample, rate, indices):
    write_wav(sample['audio_path'], np.linspace(0.1, 0.9, 2 * rate), rate)
    stored, _ = soundfile.read(sample['audio_path'])
    sample.update(
        frame_inds=indices + 3,
        start_index=3,
        avg_fps=30.0,  # not used
        alignment='as_released',
    )
    results = LoadAudio()(sample)
    expected = released_piece(stored, indices[0] / 24, indices[-1] / 24, rate)
    np.testing.assert_array_equal(
        fit_length(results['audios'], 160000), expected
    )
    if expected.any():
        assert results['sample_rate'] == rate


def test_window_of_flow(sample):
    stored, _ = soundfile.read(sample['audio_path'], dtype='float32')
    sample.update(flow_frame_inds=np.array([10, 14, 18]), flow_fps=20.0)
    results = LoadAudio(follow='flow')(dict(sample))
    np.testing.assert_array_equal(results['audios'], stored[8000:15200])
    results = LoadAudio(follow='flow')(dict(sample, alignment='as_released'))
    np.testing.assert_array_equal(results['audios'], stored[6667:12000])


def test_window_of_an_action(sample):
    stored, _ = soundfile.read(sample['audio_path'], dtype='float32')
    sample.update(audio_start=0.26, audio_stop=1.01)
    results = LoadAudio(align='action')(dict(sample))
    np.testing.assert_array_equal(results['audios'], stored[4160:16160])
    # The track of a clip would cover another time.
    missing = dict(sample, audio_path=sample['audio_path'] + 'x')
    with pytest.raises(CorruptMediaError, match=r'wavx does not exist'):
        LoadAudio(align='action')(missing)


def test_silence_may_be_allowed(tmp_path, sample):
    transform = LoadAudio(allow_silence=True)
    assert transform(dict(sample))['silent'] is False
    write_wav(tmp_path / 'a.wav', tone(0.5))
    results = transform(dict(sample))  # ended before
    assert results['silent'] is True
    assert results['audios'].shape == (9333,)
    assert not results['audios'].any()
    write_wav(tmp_path / 'a.wav', np.zeros(32000))
    assert transform(dict(sample))['audios'].shape == (9333,)
    path = tmp_path / 'a.wav'
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(CorruptMediaError, match='truncated'):
        transform(dict(sample))


def test_silence_without_wav_file_and_track(tmp_path, sample, monkeypatch):
    messages = []
    monkeypatch.setattr(
        'mmgmp.datasets.transforms.audio.print_log',
        lambda message, **_: messages.append(message),
    )
    (tmp_path / 'a.wav').unlink()
    with pytest.raises(CorruptMediaError, match='no audio track'):
        LoadAudio()(dict(sample))
    transform = LoadAudio(allow_silence=True, sample_rate=8000)
    for _ in range(2):
        results = transform(dict(sample))
        assert results['silent'] is True
        np.testing.assert_array_equal(results['audios'], np.zeros(4667))
        assert results['audios'].dtype == np.float32
        assert results['sample_rate'] == 8000
    assert len(messages) == 1
    assert 'a.mp4 has no audio track' in messages[0]
    whole = LoadAudio(align='whole', allow_silence=True)
    assert whole(dict(sample))['audios'].tolist() == [0]
    # Sound of a whole video that is missing is not silence.
    action = LoadAudio(align='action', allow_silence=True)
    with pytest.raises(CorruptMediaError, match='does not exist'):
        action(dict(sample, audio_start=0.0, audio_stop=1.0))
    (tmp_path / 'a.mp4').unlink()
    with pytest.raises(CorruptMediaError, match='does not exist'):
        whole(dict(sample))
