# Copyright (c) mmgmp authors.
"""Size, channels and sample rate may change; the default track is read."""

from fractions import Fraction

import av
import numpy as np
import pytest

from mmgmp.datasets.media.audio import read_audio_track
from mmgmp.datasets.media.video import VideoReader, read_video
from tests.utils.media import moving_frames, tone, write_video
from tests.utils.muxing import load, picture_second, tone_second, write_seconds

CONSTANT = np.arange(0, 4, 1 / 30)
MPEG2 = dict(codecs=('mpeg2video', 'ac3'), tick=Fraction(1, 30))


def join(path, parts):
    """Write the packets of several files, 5 s apart, into one."""
    with av.open(str(path), 'w') as target:
        with av.open(parts[0]) as source:
            streams = {
                s.type: target.add_stream_from_template(s)
                for s in source.streams
            }
        for number, part in enumerate(parts):
            with av.open(part) as source:
                for packet in source.demux():
                    if packet.dts is None:
                        continue
                    shift = int(5 * number / packet.time_base)
                    packet.pts += shift
                    packet.dts += shift
                    packet.stream = streams[packet.stream.type]
                    target.mux(packet)
    return str(path)


@pytest.mark.parametrize('order', [(0, 1), (1, 0)])
def test_channels_and_sample_rate_that_change(tmp_path, order):
    forms = [dict(rate=48000), dict(rate=44100, layout='stereo')]
    parts = [
        write_seconds(tmp_path / f'{i}.ts', CONSTANT, **MPEG2, **form)
        for i, form in enumerate(forms)
    ]
    path = join(tmp_path / 'a.ts', [parts[i] for i in order])
    for first in (65, 65 + 120):
        item = load(path, range(first, first + 10))
        second = picture_second(item['imgs'][0])
        assert round(second) == round(tone_second(item['audios'])) == 2
        assert 0.4 < np.abs(item['audios']).max() <= 1


def test_frames_whose_size_changes(tmp_path):
    for i, size in enumerate([(32, 48), (64, 96)]):
        write_video(tmp_path / f'{i}.ts', moving_frames(40, *size), fps=20)
    path = join(
        tmp_path / 'a.ts', [str(tmp_path / '0.ts'), str(tmp_path / '1.ts')]
    )
    frames, _ = read_video(path)
    assert frames.shape == (80, 32, 48, 3)
    reader = VideoReader(path)
    np.testing.assert_array_equal(reader.read([0, 79]), frames[[0, 79]])
    assert reader.read([79, 0])[1].shape == (64, 96, 3)


@pytest.mark.parametrize('suffix', ['mp4', 'mkv'])
@pytest.mark.parametrize('default', [0, 1, None])
def test_default_audio_track(tmp_path, suffix, default):
    path = str(tmp_path / f'a.{suffix}')
    with av.open(path, 'w') as container:
        for i in range(2):
            stream = container.add_stream('aac', rate=16000, layout='mono')
            stream.disposition = int(i == default)
        for i, stream in enumerate(container.streams):
            wave = tone(1, hertz=200 * (i + 1))[None]
            frame = av.AudioFrame.from_ndarray(wave, 'fltp', 'mono')
            frame.sample_rate, frame.pts = 16000, 0
            container.mux(stream.encode(frame) + stream.encode())
    wave, _ = read_audio_track(path)
    assert round(tone_second(wave)) == (default or 0)


@pytest.mark.parametrize('layout', ['mono', '5.1', '7.1', 'hexadecagonal'])
@pytest.mark.parametrize('rate', [8000, 192000])
def test_channels_are_averaged(tmp_path, layout, rate):
    path = write_seconds(
        tmp_path / 'a.mkv',
        CONSTANT[::30],
        ('libx264', 'pcm_f32le'),
        rate=rate,
        layout=layout,
    )
    wave, found = read_audio_track(path)
    assert (found, len(wave)) == (rate, 4 * rate)
    assert np.abs(wave).max() == pytest.approx(0.5, abs=1e-3)
    assert tone_second(wave[rate : 2 * rate], rate) == 1
