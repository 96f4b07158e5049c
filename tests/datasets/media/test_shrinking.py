# Copyright (c) mmgmp authors.
"""Small copies have the picture, the sound and the times of the file."""

import fcntl
from fractions import Fraction

import av
import numpy as np
import pytest

from mmgmp.datasets import CorruptMediaError
from mmgmp.datasets.media import shrinking
from mmgmp.datasets.media.audio import has_audio_track, read_audio_track
from mmgmp.datasets.media.images import read_display_matrix
from mmgmp.datasets.media.shrinking import shrink_video, shrunk_name
from mmgmp.datasets.media.video import VideoReader
from tests.utils.media import moving_frames, write_video
from tests.utils.muxing import load, picture_second, tone_second, write_seconds

CONSTANT = np.arange(0, 4, 1 / 30)
VARYING = np.r_[np.arange(0, 2, 0.2), np.arange(2, 4, 1 / 60)]
FILES = {
    'mp4': ('a.mp4', CONSTANT, {}),
    'late picture': ('a.mp4', CONSTANT[30:], {}),
    'varying': ('a.mkv', VARYING, dict(tick=Fraction(1, 1000))),
    'avi': (
        'a.AVI',
        CONSTANT,
        dict(codecs=('mpeg4', 'pcm_s16le'), tick=Fraction(1, 30), rate=22050),
    ),
    # Its blocks of sound have no exact times.
    'avi, MP3': (
        'a.avi',
        CONSTANT,
        dict(codecs=('mpeg4', 'libmp3lame'), tick=Fraction(1, 30), rate=44100),
    ),
    'webm': (
        'a.webm',
        CONSTANT[::5],
        dict(codecs=('libvpx', 'libopus'), rate=48000, tick=Fraction(1, 1000)),
    ),
    'broadcast': (
        'a.ts',
        CONSTANT,
        dict(options=dict(output_ts_offset='700')),
    ),
    'stereo': ('a.mp4', CONSTANT, dict(layout='stereo', rate=44100)),
    'rotated': ('a.mov', CONSTANT, dict(turn=(90, False, False))),
}


@pytest.mark.parametrize('name', FILES)
def test_copy(name, tmp_path):
    file, times, more = FILES[name]
    path = write_seconds(tmp_path / file, times, **more)
    out = tmp_path / 'out' / shrunk_name(tmp_path / file).name
    assert shrink_video(path, out, 24)
    assert [p.name for p in out.parent.iterdir()] == [out.name]
    before, after = VideoReader(path), VideoReader(str(out))
    assert len(after) == len(before) == len(times)
    if before.frame_times.edges is None:
        assert after.frame_times.edges is None
        assert after.frame_rate == pytest.approx(before.frame_rate, rel=1e-3)
    shapes = [r.read([0])[0].shape[:2] for r in (before, after)]
    assert shapes[0] == ((64, 48) if name == 'rotated' else (48, 64))
    assert shapes[1] == tuple(length // 2 for length in shapes[0])
    assert read_display_matrix(str(out)) == (1, 0, 0, 1)
    end = len(times) - 1
    for frames in ([0, 2], [end // 2, end // 2 + 3], [end - 2, end]):
        old, new = load(path, frames), load(str(out), frames)
        for one, other in zip(old['imgs'], new['imgs'], strict=True):
            assert picture_second(other[::1]) == pytest.approx(
                picture_second(one), abs=0.15
            )
        assert len(new['audios']) == pytest.approx(len(old['audios']), abs=40)
    last = load(str(out), range(end - end // 8, end))
    assert tone_second(last['audios']) == pytest.approx(3, abs=0.15)
    # The darker quarter is on the same side.
    picture = load(path, [end]), load(str(out), [end])
    corners = [
        [im[:8, :8].mean(), im[:8, -8:].mean(), im[-8:, :8].mean()]
        for im in (p['imgs'][0] for p in picture)
    ]
    assert corners[0] == pytest.approx(corners[1], abs=8)
    # Training seeks, so there is a key frame each second.
    with av.open(str(out)) as container:
        keys = sum(p.is_keyframe for p in container.demux(video=0))
    assert keys >= 3


def test_sound_is_copied_unchanged(tmp_path):
    path = write_seconds(tmp_path / 'a.mp4', CONSTANT)
    shrink_video(path, tmp_path / 'b.mp4', 24)
    old, new = read_audio_track(path), read_audio_track(tmp_path / 'b.mp4')
    assert old[1] == new[1] and np.array_equal(old[0], new[0])


def test_small_file_is_copied_unchanged(tmp_path):
    path = write_seconds(tmp_path / 'a.mp4', CONSTANT)
    out = tmp_path / 'b.mp4'
    assert shrink_video(path, out, 48)
    assert out.read_bytes() == (tmp_path / 'a.mp4').read_bytes()
    # A kept file is never touched again.
    out.write_bytes(b'mine')
    assert not shrink_video(path, out, 24)
    assert out.read_bytes() == b'mine'


def test_no_sound(tmp_path):
    write_video(tmp_path / 'a.mp4', moving_frames(5, 60, 80))
    shrink_video(str(tmp_path / 'a.mp4'), tmp_path / 'b.mp4', 31)
    assert not has_audio_track(str(tmp_path / 'b.mp4'))
    image = VideoReader(str(tmp_path / 'b.mp4')).read([0])[0]
    assert image.shape == (30, 40, 3)


def test_broken_file_leaves_nothing(tmp_path):
    path = tmp_path / 'a.mp4'
    write_seconds(path, CONSTANT, options=dict(movflags='faststart'))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    out = tmp_path / 'out/b.mp4'
    with pytest.raises(CorruptMediaError, match=r'a\.mp4'):
        shrink_video(str(path), out, 24)
    assert not [*out.parent.iterdir()]


def test_sound_that_would_move_is_refused(tmp_path, monkeypatch):
    path = write_seconds(tmp_path / 'a.mp4', CONSTANT)
    write = shrinking._Encoder._write_frame

    def late(self, frame, time):
        write(self, frame, time + 9000)

    monkeypatch.setattr(shrinking._Encoder, '_write_frame', late)
    with pytest.raises(CorruptMediaError, match=r'move by 0\.100 s'):
        shrink_video(path, tmp_path / 'b.mp4', 24)
    assert not (tmp_path / 'b.mp4').exists()


def test_file_of_another_run(tmp_path):
    path = write_seconds(tmp_path / 'a.mp4', CONSTANT[:5])
    partial = tmp_path / '.b.mp4.part'
    with open(partial, 'wb') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(OSError, match='another run'):
            shrink_video(path, tmp_path / 'b.mp4', 24)
    # A killed run leaves the file, but no lock.
    assert shrink_video(path, tmp_path / 'b.mp4', 24)
    assert not partial.exists()
