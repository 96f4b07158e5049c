# Copyright (c) mmgmp authors.
"""Sound must cover its clip, up to the delays of encoders."""

import av
import pytest

from mmgmp.datasets.media_checks import MediaFile, check_file, sound_ends
from tests.utils.media import moving_frames, tone, write_video, write_wav

FPS = 12


@pytest.fixture
def file(tmp_path):
    """Sound file of a video, both of which a test writes."""
    return MediaFile(str(tmp_path / 'a.wav'), 'audio', str(tmp_path / 'a.mp4'))


def check(file, end=None):
    """Kind of the fault, which has to be the same for whole files."""
    faults = [check_file(file, decode, end) for decode in (False, True)]
    assert faults[0] == faults[1]
    return faults[0] and faults[0].kind


@pytest.mark.parametrize(
    ('video', 'sound', 'expected'),
    [
        (6, 6.5, None),
        (6, 5.8, None),
        (6, 5.5, 'short'),
        (6, 0.06, 'short'),
        (0.5, 0.42, None),
        (0.5, 0.3, 'short'),
    ],
)
def test_wav_file(file, video, sound, expected):
    write_video(file.stand_in, moving_frames(round(video * FPS)), FPS)
    write_wav(file.path, tone(sound))
    assert check(file) == expected
    if expected:
        message = check_file(file).message
        assert f'lasts from 0.00 to {sound:.2f} s' in message
        assert file.path in message


@pytest.mark.parametrize(
    ('begin', 'seconds', 'expected'),
    [(0.04, 3.96, None), (1.5, 2.5, 'short'), (0.04, 2, 'short')],
)
def test_track_of_the_video(file, begin, seconds, expected):
    sound = tone(seconds)[None]
    frames = moving_frames(4 * FPS)
    write_video(file.stand_in, frames, FPS, sound, audio_begin=begin)
    assert check(file) == expected


@pytest.mark.parametrize(
    ('begin', 'seconds', 'expected'),
    [(0.04, 3.96, None), (1.5, 4, 'short'), (0.04, 2, 'short')],
)
def test_wav_file_of_a_track(file, begin, seconds, expected):
    """A wav file begins with the track that it was cut out of."""
    sound = tone(seconds)
    frames = moving_frames(4 * FPS)
    write_video(file.stand_in, frames, FPS, sound[None], audio_begin=begin)
    write_wav(file.path, sound)
    assert check(file) == expected


def test_video_that_begins_late(file, tmp_path):
    """The picture begins 1.5 s after the sound."""
    early = tmp_path / 'early.mp4'
    sound = tone(4)
    write_video(early, moving_frames(4 * FPS), FPS, sound[None])
    with av.open(str(early)) as source, av.open(file.stand_in, 'w') as out:
        streams = {
            s.index: out.add_stream_from_template(s) for s in source.streams
        }
        for packet in source.demux():
            if packet.dts is not None:
                stream = streams[packet.stream.index]
                if stream.type == 'video':
                    shift = round(1.5 / packet.time_base)
                    packet.pts, packet.dts = (
                        packet.pts + shift,
                        packet.dts + shift,
                    )
                packet.stream = stream
                out.mux(packet)
    for seconds, expected in ((5.5, None), (5.4, None), (4, 'short')):
        write_wav(file.path, tone(seconds))
        assert check(file) == expected


def test_video_without_a_length(file):
    # The video has a fault of its own.
    write_wav(file.path, tone(1))
    assert check(file) is None
    write_video(file.stand_in, moving_frames(12), FPS)
    assert check(file) is None


def test_sound_of_a_whole_video(tmp_path):
    path = str(tmp_path / 'P08_01.wav')
    write_wav(path, tone(4))
    file = MediaFile(path, 'audio')
    for stop, expected in ((3.9, None), (4.09, None), (4.2, 'short')):
        items = [
            dict(audio_path=path, audio_start=start, audio_stop=end)
            for start, end in ((0.5, 1.5), (3, stop), (2, 2.5))
        ]
        assert check(file, sound_ends(items)[path]) == expected
    # A long action may miss 5 %.
    items[1].update(audio_start=0, audio_stop=4.2)
    assert check(file, sound_ends(items)[path]) is None
