# Copyright (c) mmgmp authors.
"""Picture and sound of all kinds of files belong together, or are refused."""

from fractions import Fraction

import av
import numpy as np
import pytest

from mmgmp.datasets import LoadAudio
from mmgmp.datasets.media.audio import EmptyWindowError, read_audio_track
from mmgmp.datasets.media.video import (
    VideoReader,
    read_frame_times,
    read_video,
)
from tests.utils.media import moving_frames, tone, write_video, write_wav
from tests.utils.muxing import load, picture_second, tone_second, write_seconds

CONSTANT = np.arange(0, 4, 1 / 30)
VARYING = np.r_[np.arange(0, 2, 0.2), np.arange(2, 4, 1 / 60)]
MS = Fraction(1, 1000)
MPEG2 = dict(codecs=('mpeg2video', 'ac3'), tick=Fraction(1, 30))
FLV = dict(codecs=('flv', 'libmp3lame'), rate=44100, tick=Fraction(1, 30))
# Suffix, times of the frames, arguments of the writer, sampled frames.
TABLE = {
    'mp4': ('mp4', CONSTANT, {}, range(65, 75)),
    'mp4, late picture': ('mp4', CONSTANT[30:], {}, range(35, 45)),
    'mp4, varying': ('mp4', VARYING, {}, range(75, 85)),
    'mp4, gap': ('mp4', np.r_[0:0.5:0.1, 3:4:0.1], {}, range(6, 10)),
    'mp4, fragments': (
        'mp4',
        CONSTANT[30:],
        dict(options=dict(movflags='frag_keyframe+empty_moov+delay_moov')),
        range(35, 45),
    ),
    'mp4, at 7 s': ('mp4', CONSTANT, dict(shift=7), range(65, 75)),
    'mp4, MP3': (
        'mp4',
        CONSTANT,
        dict(codecs=('libx264', 'libmp3lame'), rate=44100),
        range(65, 75),
    ),
    'mp4, AV1': (
        'mp4',
        CONSTANT[::5],
        dict(codecs=('libsvtav1', 'aac')),
        range(13, 15),
    ),
    '3gp': ('3gp', CONSTANT[30:], {}, range(35, 45)),
    'mov, PCM': (
        'mov',
        VARYING,
        dict(codecs=('mpeg4', 'aac'), tick=Fraction(1, 60)),
        range(75, 85),
    ),
    'mpegts': (
        'ts',
        CONSTANT,
        dict(options=dict(output_ts_offset='1.4')),
        range(65, 75),
    ),
    'mpegts, cut': (
        'ts',
        CONSTANT[30:],
        dict(options=dict(output_ts_offset='100')),
        range(35, 45),
    ),
    'mpegts, varying': ('ts', VARYING, {}, range(75, 85)),
    'mpegts, 33 bits': (
        'ts',
        CONSTANT,
        dict(options=dict(output_ts_offset='95442')),
        range(65, 75),
    ),
    'mpegts, 5.1': (
        'ts',
        CONSTANT,
        dict(MPEG2, rate=48000, layout='5.1'),
        range(65, 75),
    ),
    'mkv': ('mkv', CONSTANT[30:], {}, range(35, 45)),
    'mkv, varying': ('mkv', VARYING, {}, range(75, 85)),
    'mkv, before 0': (
        'mkv',
        CONSTANT,
        dict(shift=-2, options=dict(avoid_negative_ts='disabled')),
        range(65, 75),
    ),
    'webm': (
        'webm',
        VARYING,
        dict(codecs=('libvpx', 'libopus'), rate=48000, tick=MS),
        range(75, 85),
    ),
    'flv': ('flv', CONSTANT[30:], {}, range(35, 45)),
    'flv, no seeking': ('flv', CONSTANT, FLV, range(65, 75)),
    'avi': (
        'avi',
        CONSTANT,
        dict(codecs=('mpeg4', 'libmp3lame'), rate=44100, tick=FLV['tick']),
        range(65, 75),
    ),
    'mpg': (
        'mpg',
        CONSTANT,
        dict(MPEG2, rate=48000),
        range(65, 75),
    ),
    'mxf': (
        'mxf',
        CONSTANT,
        dict(codecs=('mpeg2video', 'pcm_s16le'), rate=48000, tick=FLV['tick']),
        range(65, 75),
    ),
    'nut': ('nut', VARYING, {}, range(75, 85)),
}


@pytest.mark.parametrize('name', TABLE)
def test_sound_is_that_of_the_frames(tmp_path, name):
    suffix, times, arguments, frames = TABLE[name]
    path = write_seconds(tmp_path / f'a.{suffix}', times, **arguments)
    items = [load(path, frames, in_memory) for in_memory in (False, True)]
    # After a reader of MMAction2, which gives no times.
    bare = dict(filename=path, audio_path='', start_index=0, avg_fps=30.0)
    items.append(LoadAudio()(dict(bare, frame_inds=np.array(frames))))
    second = picture_second(items[0]['imgs'][0])
    for item in items:
        assert round(second) == round(tone_second(item['audios'])) > 0
        np.testing.assert_array_equal(item['audios'], items[0]['audios'])
    np.testing.assert_array_equal(items[0]['imgs'], items[1]['imgs'])
    # From the first frame to the end of the last.
    seconds = times[frames.stop] - times[frames.start]
    assert len(items[0]['audios']) / 16000 == pytest.approx(seconds, abs=2e-3)


@pytest.mark.parametrize('suffix', ['mp4', 'mkv'])
def test_sound_that_begins_after_the_picture(tmp_path, suffix):
    path = write_seconds(tmp_path / f'a.{suffix}', CONSTANT, sound=(2, 4))
    wave = load(path, range(45, 75))['audios']
    assert len(wave) == pytest.approx(16000, abs=16)
    assert not wave[:6000].any()
    assert round(tone_second(wave)) == 2
    with pytest.raises(EmptyWindowError, match=r'lasts from \S+ s on, but'):
        load(path, range(30))
    silence = load(path, range(30), allow_silence=True)['audios']
    assert not silence.any()


@pytest.mark.parametrize('alignment', ['true_fps', 'as_released'])
def test_flow_begins_with_the_picture(tmp_path, alignment):
    path = write_seconds(
        tmp_path / 'a.ts', CONSTANT[30:], options=dict(output_ts_offset='50')
    )
    item = dict(filename=path, audio_path='', alignment=alignment)
    item.update(flow_frame_inds=np.array([13, 17]), flow_fps=10.0)
    item.update(frame_inds=np.array([36, 44]), start_index=0)
    # The published code counts at 24 fps from the start of a wav file.
    second = 2 if alignment == 'true_fps' else 0
    item = LoadAudio(follow='flow')(item)
    assert round(tone_second(item['audios'])) == second


def test_pause_of_the_sound_is_silent(tmp_path):
    """Packets are missing, as after a dropout."""
    path = write_seconds(tmp_path / 'a.mp4', CONSTANT)
    cut = str(tmp_path / 'b.mkv')
    with av.open(path) as source, av.open(cut, 'w') as target:
        streams = {
            s.index: target.add_stream_from_template(s) for s in source.streams
        }
        for packet in source.demux():
            sound = packet.stream.type == 'audio'
            if packet.dts is None or (
                sound and 1 < packet.pts * packet.time_base < 2
            ):
                continue
            packet.stream = streams[packet.stream_index]
            target.mux(packet)
    wave = load(cut, range(75, 85))['audios']
    assert round(tone_second(wave)) == 2
    assert not load(cut, range(36, 54))['audios'][500:-500].any()
    # Matroska keeps the 1024 samples with which the encoder begins; that of
    # PyAV 19 marks them to be left out.
    lengths = [len(read_audio_track(x)[0]) for x in (cut, path)]
    assert lengths[0] - lengths[1] in (0, 1024)


@pytest.mark.parametrize('track', [None, 'aac'])
def test_wav_beside_a_video(tmp_path, track):
    """It is cut out of the track, or begins with the picture."""
    path = write_seconds(
        tmp_path / 'a.ts',
        CONSTANT[30:],
        ('libx264', track),
        options=dict(output_ts_offset='50'),
    )
    wav = tmp_path / 'a.wav'
    begin = 0 if track else 1
    wave = np.concatenate([tone(1, hertz=200 * s + 200) for s in range(4)])
    write_wav(wav, wave[begin * 16000 :])
    item = load(path, range(35, 45), audio_path=wav)
    assert round(picture_second(item['imgs'][0])) == 2
    assert round(tone_second(item['audios'])) == 2


def test_rounded_times_of_a_constant_rate_are_exact(tmp_path):
    """Matroska rounds to milliseconds."""
    path = write_seconds(
        tmp_path / 'a.mkv', CONSTANT, ('libx264', 'pcm_s16le')
    )
    whole, _ = read_audio_track(path)
    wave = load(path, [1, 2, 100])['audios']
    np.testing.assert_array_equal(wave, whole[533:53867])


def test_frames_that_were_dropped(tmp_path):
    """The header says 30 fps, but ten frames are missing."""
    path = write_seconds(tmp_path / 'a.mkv', np.delete(CONSTANT, range(5, 15)))
    times = read_frame_times(path)
    start, stop = times.window(np.array([4, 5]))
    assert start == pytest.approx(4 / 30, abs=1e-3)
    assert stop == pytest.approx(16 / 30, abs=1e-3)
    # The last frame lasts as long as its packet says.
    assert times.window(np.array([109]))[1] == pytest.approx(4, abs=2e-3)


def test_raw_stream_has_the_constant_rate(tmp_path):
    path = str(tmp_path / 'a.h264')
    write_video(path, moving_frames(30))
    reader = VideoReader(path)
    assert reader.frame_times[0] == 0
    assert reader.frame_times.edges is None
    np.testing.assert_array_equal(
        reader.read([0, 20]), read_video(path)[0][[0, 20]]
    )


@pytest.mark.parametrize('arguments', [{}, dict(MPEG2, rate=48000)])
def test_recording_that_begins_between_key_frames(tmp_path, arguments):
    whole = write_seconds(tmp_path / 'a.ts', CONSTANT, **arguments)
    data = (tmp_path / 'a.ts').read_bytes()
    path = tmp_path / 'b.ts'
    path.write_bytes(data[len(data) // 188 // 3 * 188 :])
    images, _ = read_video(str(path))
    reader, complete = VideoReader(str(path)), VideoReader(whole)
    times = reader.frame_times
    assert len(reader) == len(images) < len(complete)
    assert read_frame_times(str(path)).begin == times.begin
    before = round((times.begin - complete.frame_times.begin) * 30)
    for index in (0, len(images) // 2, len(images) - 1):
        (image,), (same,) = (
            reader.read([index]),
            complete.read([before + index]),
        )
        np.testing.assert_array_equal(image, same)
        np.testing.assert_array_equal(image, images[index])
    for in_memory in (False, True):
        item = load(str(path), range(20, 30), in_memory)
        second = picture_second(item['imgs'][5])
        assert round(second) == round(tone_second(item['audios']))
