# Copyright (c) mmgmp authors.
"""`VideoReader` gives the pixels of full decoding, and decodes little."""

import av
import numpy as np
import pytest

from mmgmp.datasets import CorruptMediaError
from mmgmp.datasets.media import read_video
from mmgmp.datasets.video_reader import VideoReader
from tests.utils.media import moving_frames, write_video

# Distances between key frames, frames that refer to later ones, and key
# frames that such frames lie before.
CODINGS = {
    'one key frame': dict(),
    'key frames': dict(g='12', bf='0'),
    'bidirectional': dict(g='12', bf='3'),
    'only key frames': dict(g='1'),
    'pairs': dict(g='2', bf='1'),
    'open': {
        'x264-params': 'open-gop=1:bframes=3:keyint=12:min-keyint=4:'
        'b-pyramid=normal'
    },
    'pyramid': {
        'x264-params': 'bframes=16:b-adapt=0:b-pyramid=normal:ref=16:'
        'direct=temporal:weightp=2:keyint=30:scenecut=0'
    },
    'slices': {'x264-params': 'bframes=3:slices=3:aud=1:keyint=30'},
    'interlaced': {'x264-params': 'bframes=3:tff=1:keyint=30'},
}
INDICES = [
    [30, 32, 34, 36],
    [0],
    [59],
    [58, 59, 0, 1],  # wraps around
    [5, 5, 3, 5],
    [11, 12, 13, 23, 24, 25],
    [15, 38, 55],
    [*range(1, 60, 2)],
    [*range(60)],
]


def write(path, coding, codec='libx264', size=(32, 48), fps=24):
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(
            codec, rate=fps, options=dict(coding, threads='1')
        )
        stream.height, stream.width = size
        stream.pix_fmt = 'yuv420p'
        for image in moving_frames(60, *size):
            frame = av.VideoFrame.from_ndarray(image, format='rgb24')
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def check(path):
    expected, rate = read_video(str(path))
    reader = VideoReader(str(path))
    if path.suffix == '.mp4':
        reader._count = None  # no need to begin anew
    assert len(reader) == len(expected)
    assert reader.frame_rate == rate
    for indices in INDICES:
        indices = [i % len(expected) for i in indices]
        np.testing.assert_array_equal(reader.read(indices), expected[indices])
    reader.close()


@pytest.mark.parametrize('kind', CODINGS)
@pytest.mark.parametrize('suffix', ['mp4', 'mkv', 'avi'])
def test_pixels_are_those_of_full_decoding(tmp_path, kind, suffix):
    write(tmp_path / f'a.{suffix}', CODINGS[kind])
    check(tmp_path / f'a.{suffix}')


@pytest.mark.parametrize(
    ('codec', 'coding'),
    [
        ('mpeg4', dict(g='12', bf='2')),
        ('mpeg2video', dict(g='12', bf='2')),
        (
            'libx265',
            {'x265-params': 'keyint=12:bframes=4:pools=1:log-level=none'},
        ),
    ],
)
def test_other_codecs(tmp_path, codec, coding):
    # libx265 spoils the heap if the height is smaller.
    write(tmp_path / 'a.mp4', coding, codec, (64, 96))
    check(tmp_path / 'a.mp4')
    # Units that look like those of H.264 mean something else.
    assert VideoReader(str(tmp_path / 'a.mp4'))._nal_length_size is None


def test_intra_refresh(tmp_path):
    """The frames that follow a point of refresh are not whole yet."""
    coding = {'x264-params': 'intra-refresh=1:keyint=20:bframes=2'}
    write(tmp_path / 'a.mp4', coding)
    expected, _ = read_video(str(tmp_path / 'a.mp4'))
    reader = VideoReader(str(tmp_path / 'a.mp4'))
    for i in [*range(60)]:
        np.testing.assert_array_equal(reader.read([i])[0], expected[i])


@pytest.mark.parametrize('kind', ['one key frame', 'bidirectional'])
def test_clip_cut_without_encoding(tmp_path, kind):
    """Its first frames are decoded and not shown."""
    write(tmp_path / 'a.mp4', CODINGS[kind])
    options = dict(avoid_negative_ts='disabled')
    with (
        av.open(str(tmp_path / 'a.mp4')) as source,
        av.open(str(tmp_path / 'b.mp4'), 'w', options=options) as target,
    ):
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        shift = int(7 / 24 / stream.time_base)
        for packet in source.demux(stream):
            if packet.size:
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = copy
                target.mux(packet)
    assert len(VideoReader(str(tmp_path / 'b.mp4'))) == 53
    check(tmp_path / 'b.mp4')


def spied(path, monkeypatch):
    """A reader, the times of what it decodes, and what it converts."""
    reader = VideoReader(str(path))
    needed, image = reader._needed, reader._image
    decoded, converted = [], []

    def spy(*args):
        for packet in needed(*args):
            if packet is not None and packet.size:
                decoded.append(packet.pts)
            yield packet

    monkeypatch.setattr(reader, '_needed', spy)
    monkeypatch.setattr(
        reader, '_image', lambda f: converted.append(f.pts) or image(f)
    )
    return reader, decoded, converted


def test_only_what_is_needed_is_decoded(tmp_path, monkeypatch):
    write(tmp_path / 'a.mp4', CODINGS['key frames'])
    reader, decoded, converted = spied(tmp_path / 'a.mp4', monkeypatch)
    reader.read([53, 24, 28])
    # Key frames 24 and 48: frames 24 to 28 and 48 to 53.
    assert decoded == [
        reader._times[i] for i in (*range(24, 29), *range(48, 54))
    ]
    assert len(converted) == 3


def test_frames_without_reference_to_them_are_left_out(tmp_path, monkeypatch):
    """Of I b B b P ..., in this order of time, b is referred to by none."""
    coding = {
        'x264-params': 'bframes=3:b-adapt=0:b-pyramid=normal:keyint=250:'
        'scenecut=0'
    }
    write(tmp_path / 'a.mp4', coding)
    reader, decoded, converted = spied(tmp_path / 'a.mp4', monkeypatch)
    reader.read([10])
    index = [reader._times.index(t) for t in decoded]
    assert index == [0, 4, 2, 8, 6, 12, 10]
    decoded.clear()
    reader.read([9, 11])
    index = [reader._times.index(t) for t in decoded]
    assert index == [0, 4, 2, 8, 6, 12, 10, 9, 11]
    assert len(converted) == 3


def test_frames_are_arrays_of_their_own(tmp_path):
    write(tmp_path / 'a.mp4', {})
    first, second = VideoReader(str(tmp_path / 'a.mp4')).read([4, 4])
    first[:] = 0
    assert second.any()


@pytest.mark.parametrize('kind', ['missing', 'empty', 'junk', 'sound'])
def test_no_video_is_named(tmp_path, kind):
    path = tmp_path / 'a.mp4'
    if kind == 'empty':
        path.touch()
    elif kind == 'junk':
        path.write_bytes(b'junk' * 999)
    elif kind == 'sound':
        with av.open(str(path), 'w') as container:
            stream = container.add_stream('aac', rate=16000, layout='mono')
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format='fltp', layout='mono'
            )
            frame.sample_rate = 16000
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
    with pytest.raises(CorruptMediaError, match=r'a\.mp4'):
        VideoReader(str(path))


@pytest.mark.parametrize('lost', [1, 400, 0.5])
def test_truncated_file_is_named(tmp_path, lost):
    path = tmp_path / 'a.mp4'
    write_video(path, moving_frames(40), faststart=True)
    content = path.read_bytes()
    lost = int(lost * len(content)) if lost < 1 else lost
    path.write_bytes(content[:-lost])
    with pytest.raises(CorruptMediaError, match=r'a\.mp4 is truncated'):
        VideoReader(str(path))


def test_lost_frame_is_named(tmp_path):
    """Rubbish in the middle of the file, where the header is unharmed."""
    path = tmp_path / 'a.mp4'
    write_video(path, moving_frames(40), faststart=True)
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half:] = bytes(len(content) - half)
    path.write_bytes(content)
    reader = VideoReader(str(path))
    with pytest.raises(CorruptMediaError, match=r'a\.mp4'):
        reader.read([39])
