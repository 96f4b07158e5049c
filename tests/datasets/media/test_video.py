# Copyright (c) mmgmp authors.
"""Readers of video files give the pixels of full decoding, or an error."""

import copy

import av
import numpy as np
import pytest
from mmaction.registry import TRANSFORMS

from mmgmp.datasets import CorruptMediaError
from mmgmp.datasets.media.in_memory import VideoInMemory
from mmgmp.datasets.media.video import (
    VideoReader,
    read_frame_rate,
    read_video,
)
from tests.utils.media import moving_frames, write_video

# Distances between key frames, frames that refer to later frames, and open
# groups of pictures.
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
    'two levels of B': {
        'x264-params': 'bframes=3:b-adapt=0:b-pyramid=normal:scenecut=0'
    },
    'one level of B': {
        'x264-params': 'bframes=3:b-adapt=0:b-pyramid=none:scenecut=0'
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
    *([i] for i in range(1, 59)),
]


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp('media') / 'clip with space .mp4'
    write_video(path, moving_frames(30, 36, 48), fps=25)
    return str(path)


# --- all frames --------------------------------------------------------------


def stock_frames(path, *transforms):
    """All frames by the decoder of MMAction2."""
    results = TRANSFORMS.build(dict(type='PyAVInit'))(dict(filename=path))
    results['frame_inds'] = np.arange(results['total_frames'])
    for transform in (dict(type='PyAVDecode'), *transforms):
        results = TRANSFORMS.build(transform)(results)
    return np.stack(results['imgs'])


def test_video_is_what_the_stock_decoder_gives(video):
    frames, rate = read_video(video)
    assert frames.dtype == np.uint8
    assert frames.shape == (30, 36, 48, 3)
    assert rate == read_frame_rate(video) == 25
    np.testing.assert_array_equal(frames, stock_frames(video))
    # ... which is close to what was written (H.264 is lossy).
    assert np.abs(frames.astype(float) - moving_frames(30, 36, 48)).mean() < 9


@pytest.mark.parametrize(
    ('short_side', 'shape'), [(24, (24, 32)), (36, (36, 48)), (50, (50, 67))]
)
def test_short_side_is_the_stock_resize(video, short_side, shape):
    frames, _ = read_video(video, short_side)
    assert frames.shape == (30, *shape, 3)
    resize = dict(type='Resize', scale=(-1, short_side))
    np.testing.assert_array_equal(frames, stock_frames(video, resize))


def test_frame_rate_is_the_files_own(tmp_path):
    for fps in (12, 30):
        write_video(tmp_path / 'a.mp4', moving_frames(6), fps=fps)
        assert read_frame_rate(str(tmp_path / 'a.mp4')) == fps


def test_reader_in_memory_shares_its_frames_safely(video):
    reader = VideoInMemory(video, short_side=18)
    expected, _ = read_video(video, short_side=18)
    assert (len(reader), reader.frame_rate) == (30, 25.0)
    assert reader.nbytes == 30 * 18 * 24 * 3
    shared = copy.deepcopy(dict(reader=reader))['reader']
    for _ in range(2):
        images = shared.read([5, 5, 29])
        np.testing.assert_array_equal(images, expected[[5, 5, 29]])
        for image in images:
            image[:] = 0
    assert np.shares_memory(shared.frames, reader.frames)
    with pytest.raises(ValueError, match='read-only'):
        shared.frames[0] = 0


# --- some frames -------------------------------------------------------------


def write(path, coding, codec='libx264', size=(32, 48)):
    write_video(path, moving_frames(60, *size), codec=codec, coding=coding)


def check(path):
    expected, rate = read_video(str(path))
    reader = VideoReader(str(path))
    if path.suffix == '.mp4':
        reader._count = None  # no need to start again
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


X265 = 'pools=1:log-level=none:b-adapt=0:'


@pytest.mark.parametrize(
    ('codec', 'coding'),
    [
        ('mpeg4', dict(g='12', bf='2')),
        ('mpeg2video', dict(g='12', bf='2')),
        ('libx265', {'x265-params': X265 + 'keyint=12:bframes=4'}),
        (
            'libx265',
            {'x265-params': X265 + 'keyint=40:bframes=7:temporal-layers=3'},
        ),
        ('libvpx-vp9', {'g': '30', 'deadline': 'realtime', 'cpu-used': '8'}),
    ],
)
def test_other_codecs(tmp_path, codec, coding):
    # libx265 corrupts the heap if the height is smaller.
    write(tmp_path / 'a.mp4', coding, codec, (64, 96))
    check(tmp_path / 'a.mp4')


def test_intra_refresh(tmp_path):
    """The frames after a refresh point are not complete yet."""
    coding = {'x264-params': 'intra-refresh=1:keyint=20:bframes=2'}
    write(tmp_path / 'a.mp4', coding)
    expected, _ = read_video(str(tmp_path / 'a.mp4'))
    reader = VideoReader(str(tmp_path / 'a.mp4'))
    for i in range(60):
        np.testing.assert_array_equal(reader.read([i])[0], expected[i])


@pytest.mark.parametrize('kind', ['one key frame', 'bidirectional'])
def test_clip_cut_without_encoding(tmp_path, kind):
    """The first frames are decoded but not shown."""
    write(tmp_path / 'a.mp4', CODINGS[kind])
    options = dict(avoid_negative_ts='disabled')
    with (
        av.open(str(tmp_path / 'a.mp4')) as source,
        av.open(str(tmp_path / 'b.mp4'), 'w', options=options) as target,
    ):
        stream = source.streams.video[0]
        copied = target.add_stream_from_template(stream)
        shift = int(7 / 24 / stream.time_base)
        for packet in source.demux(stream):
            if packet.size:
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = copied
                target.mux(packet)
    assert len(VideoReader(str(tmp_path / 'b.mp4'))) == 53
    check(tmp_path / 'b.mp4')


@pytest.mark.parametrize(
    ('kind', 'indices', 'expected'),
    [
        # Key frames 24 and 48.
        ('key frames', [53, 24, 28], [*range(24, 29), *range(48, 54)]),
        # I b B b P ..., in the order of time: no frame refers to b.
        ('two levels of B', [10], [0, 2, 4, 6, 8, 10]),
        ('two levels of B', [9, 11], [0, 2, 4, 6, 8, 9, 10, 11]),
        ('one level of B', [10], [0, 4, 8, 10]),
    ],
)
def test_only_what_is_needed_is_decoded(
    tmp_path, monkeypatch, kind, indices, expected
):
    write(tmp_path / 'a.mp4', CODINGS[kind])
    reader = VideoReader(str(tmp_path / 'a.mp4'))
    decode, decoded = reader._decode_from, []

    def spy(*args):
        for frame in decode(*args):
            decoded.append(reader._times.index(frame.pts))
            yield frame

    monkeypatch.setattr(reader, '_decode_from', spy)
    reader.read(indices)
    assert decoded == expected


def test_frames_are_arrays_of_their_own(tmp_path):
    write(tmp_path / 'a.mp4', {})
    first, second = VideoReader(str(tmp_path / 'a.mp4')).read([4, 4])
    first[:] = 0
    assert second.any()


# --- damage ------------------------------------------------------------------


def damage(kind, path):
    """Write a file with a defect; returns the words that report it."""
    if kind == 'missing':
        return 'does not exist'
    if kind == 'folder':
        path.mkdir()
        return 'is a folder, not a media file'
    if kind == 'empty':
        path.touch()
        return 'is empty'
    if kind == 'junk':
        path.write_bytes(np.random.default_rng(0).bytes(5000))
        return 'truncated or cannot be decoded'
    if kind == 'sound':
        with av.open(str(path), 'w') as container:
            stream = container.add_stream('aac', rate=16000, layout='mono')
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format='fltp', layout='mono'
            )
            frame.sample_rate = 16000
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return 'no video stream'
    # In a `faststart` file the header survives the loss of the end.
    write_video(path, moving_frames(40), faststart='header' not in kind)
    content = path.read_bytes()
    lost = dict(byte=1, frame=400).get(kind.split()[-1], 0.4 * len(content))
    path.write_bytes(content[: len(content) - int(lost)])
    return 'is truncated'


@pytest.mark.parametrize('read', [read_video, VideoReader, VideoInMemory])
@pytest.mark.parametrize(
    'kind',
    [
        'missing',
        'empty',
        'folder',
        'junk',
        'sound',
        'lost half',
        'lost header',
        'lost frame',
        'lost byte',
    ],
)
def test_damaged_video_is_named(kind, read, tmp_path):
    path = tmp_path / 'a.mp4'
    words = damage(kind, path)
    with pytest.raises(CorruptMediaError, match=words) as error:
        read(str(path))
    assert str(path) in str(error.value)


def test_lost_frame_is_named(tmp_path):
    """The second half of the file is zeros, but its header is intact."""
    path = tmp_path / 'a.mp4'
    write_video(path, moving_frames(40), faststart=True)
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half:] = bytes(len(content) - half)
    path.write_bytes(content)
    reader = VideoReader(str(path))
    with pytest.raises(CorruptMediaError, match=r'a\.mp4'):
        reader.read([39])
