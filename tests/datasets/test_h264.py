"""Frames of H.264 that no other refers to are known by their units."""

import av
import numpy as np
import pytest

from mmgmp.datasets.h264 import is_disposable, nal_length_size
from tests.utils.media import moving_frames

# First bytes of units, nal_ref_idc * 32 + type.
SLICE, SEI, DELIMITER = b'\x01', b'\x06', b'\x09'
REFERENCE, HALF_REFERENCE, IDR = b'\x41', b'\x21', b'\x65'


def packet(*units, size=4):
    units = [unit + b'\xff\xe0' for unit in units]
    return b''.join(len(u).to_bytes(size, 'big') + u for u in units)


@pytest.mark.parametrize(
    ('units', 'disposable'),
    [
        ([SLICE], True),
        ([SLICE, SLICE], True),
        ([DELIMITER, SEI, SLICE], True),
        ([REFERENCE], False),
        ([HALF_REFERENCE], False),
        ([IDR], False),
        ([SLICE, REFERENCE], False),  # two fields, say
        ([SLICE, HALF_REFERENCE], False),
        ([b'\x67', SLICE], False),  # parameters that others need
        ([b'\x02', b'\x03'], False),  # a partitioned slice
        ([SLICE, b'\x14'], False),  # a slice of another layer
        ([SEI], False),
        ([], False),
    ],
)
@pytest.mark.parametrize('size', [1, 2, 4])
def test_units(units, disposable, size):
    data = packet(*units, size=size)
    assert is_disposable(data, size) is disposable
    assert is_disposable(memoryview(data), size) is disposable


@pytest.mark.parametrize(
    'data',
    [
        packet(SLICE)[:-1],
        packet(SLICE) + b'\0',
        packet(SLICE) + b'\0\0\0\0',
        packet(SLICE) + b'\0\0\0\x01',
        b'\0\0\0\x01' + SLICE + b'\xff\xe0',  # a start code
    ],
)
def test_broken_packet_is_kept(data):
    assert not is_disposable(data, 4)


def test_length_size():
    header = b'\x01\x64\x00\x0d\xff\xe1\x00\x1b'
    assert nal_length_size(header) == 4
    assert nal_length_size(header[:4] + b'\xfc' + header[5:]) == 1
    assert nal_length_size(b'\0\0\0\x01\x67\x64\x00\x0d') is None
    assert nal_length_size(header[:4]) is None
    assert nal_length_size(b'') is None
    assert nal_length_size(None) is None


@pytest.mark.parametrize('pyramid', ['none', 'normal'])
def test_agrees_with_the_decoder(tmp_path, pyramid):
    """The decoder of FFmpeg can be told to skip such frames."""
    path = str(tmp_path / 'a.mp4')
    params = f'bframes=4:b-adapt=0:keyint=20:b-pyramid={pyramid}'
    with av.open(path, 'w') as container:
        options = {'x264-params': params, 'threads': '1'}
        stream = container.add_stream('libx264', rate=24, options=options)
        stream.height, stream.width, stream.pix_fmt = 32, 48, 'yuv420p'
        for image in moving_frames(60, 32, 48):
            frame = av.VideoFrame.from_ndarray(image, format='rgb24')
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with av.open(path) as container:
        stream = container.streams.video[0]
        size = nal_length_size(stream.codec_context.extradata)
        kept = [
            p.pts
            for p in container.demux(stream)
            if p.size and not is_disposable(p, size)
        ]
        container.seek(0)
        stream.codec_context.skip_frame = 'NONREF'
        decoded = [f.pts for f in container.decode(stream)]
    assert sorted(kept) == decoded
    assert 10 < len(kept) < 40
    assert np.diff(decoded).min() > 0
