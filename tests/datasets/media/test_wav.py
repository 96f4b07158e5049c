# Copyright (c) mmgmp authors.
"""Wav files with odd sizes in their headers are read, truncated ones not."""

import struct

import numpy as np
import pytest
import soundfile

from mmgmp.datasets import CorruptMediaError
from mmgmp.datasets.media import wav
from mmgmp.datasets.media.audio import read_audio
from tests.utils.media import tone, write_wav

SAMPLES = np.round(32767 * tone(1, 8000)).astype('<i2')
DATA = SAMPLES.tobytes()
INFO = b'LIST' + struct.pack('<I', 18) + b'INFOISFT' + b'\6\0\0\0Lavf6\0'


def wav_bytes(data_size=16000, riff_size=None, data=DATA, tail=b''):
    form = struct.pack('<IHHIIHH', 16, 1, 1, 8000, 16000, 2, 16)
    body = b'WAVEfmt ' + form + b'data' + struct.pack('<I', data_size)
    body += data + tail
    if riff_size is None:
        riff_size = len(body)
    return b'RIFF' + struct.pack('<I', riff_size) + body


READ = {
    'plain': wav_bytes(),
    'SoX': wav_bytes(0x7FFFF000, 0x7FFFF024),
    'FFmpeg': wav_bytes(0xFFFFFFFF, 0xFFFFFFFF),
    'FFmpeg, minus header': wav_bytes(0xFFFFFFFF - 36, 0xFFFFFFFF),
    'arecord': wav_bytes(0x80000000, 0x80000024),
    'arecord, whole frames': wav_bytes(0x7FFFFFFC, 0x80000020),
    'speech synthesizer': wav_bytes(0x7FFFFFFF, 0x7FFFFFFF + 36),
    'nothing': wav_bytes(0, 0),
    'no data': wav_bytes(0),
    'no RIFF size': wav_bytes(riff_size=0),
    'RIFF size of the file': wav_bytes(riff_size=len(DATA) + 44),
    'RIFF size off by one': wav_bytes(riff_size=len(DATA) + 37),
    'RIFF size too small': wav_bytes(riff_size=36),
    'one byte too many': wav_bytes(len(DATA) + 1),
    'list behind': wav_bytes(tail=INFO),
    'cut list behind': wav_bytes(tail=INFO[:-4], riff_size=len(DATA) + 62),
    'odd length, padded': wav_bytes(
        len(DATA) + 1, data=DATA + b'\1\0', tail=INFO
    ),
    'incomplete sample': wav_bytes(len(DATA) + 1, data=DATA + b'\1'),
}
TRUNCATED = {
    'one sample': wav_bytes(data=DATA[:-2]),
    'half': wav_bytes(data=DATA[:8000]),
    'three billion': wav_bytes(3_000_000_000, 3_000_000_036),
}


@pytest.mark.parametrize('kind', READ)
def test_whole_file_is_read(tmp_path, kind):
    (tmp_path / 'a.wav').write_bytes(READ[kind])
    wave, rate = read_audio(str(tmp_path / 'a.wav'))
    assert rate == 8000
    np.testing.assert_array_equal(wave, SAMPLES.astype(np.float32) / 32768)
    window, _ = read_audio(str(tmp_path / 'a.wav'), 0.25, 0.5)
    np.testing.assert_array_equal(window, wave[2000:4000])


@pytest.mark.parametrize('kind', TRUNCATED)
def test_truncated_file_is_refused(tmp_path, kind):
    (tmp_path / 'a.wav').write_bytes(TRUNCATED[kind])
    with pytest.raises(CorruptMediaError, match=r'a\.wav is truncated'):
        read_audio(str(tmp_path / 'a.wav'))


def test_empty_file_is_no_open_end(tmp_path):
    for tail in (b'', INFO):
        (tmp_path / 'a.wav').write_bytes(wav_bytes(0, data=b'', tail=tail))
        with pytest.raises(CorruptMediaError, match=r'lasts from 0\.00 to 0'):
            read_audio(str(tmp_path / 'a.wav'))


def test_one_warning_for_all_files(tmp_path, monkeypatch):
    said = []
    wav._warn_once.cache_clear()
    monkeypatch.setattr(wav, 'print_log', lambda text, **_: said.append(text))
    for name in ('a.wav', 'b.wav'):
        (tmp_path / name).write_bytes(READ['SoX'])
        read_audio(str(tmp_path / name))
    assert len(said) == 1
    assert 'a.wav says that 2147479552 bytes of sound follow' in said[0]


@pytest.mark.parametrize(
    ('kind', 'subtype', 'endian'),
    [
        ('WAV', 'PCM_U8', 'FILE'),
        ('WAV', 'PCM_24', 'FILE'),
        ('WAV', 'PCM_32', 'FILE'),
        ('WAV', 'FLOAT', 'FILE'),
        ('WAV', 'DOUBLE', 'FILE'),
        ('WAV', 'ULAW', 'FILE'),
        ('WAV', 'MS_ADPCM', 'FILE'),
        ('WAV', 'PCM_16', 'BIG'),
        ('WAVEX', 'PCM_16', 'FILE'),
        ('RF64', 'PCM_16', 'FILE'),
        ('W64', 'PCM_16', 'FILE'),
        ('FLAC', 'PCM_16', 'FILE'),
    ],
)
def test_other_forms(tmp_path, kind, subtype, endian):
    path = tmp_path / 'a.wav'
    stored = np.stack([tone(1), tone(1)], axis=1)
    soundfile.write(path, stored, 16000, subtype, endian, kind)
    wave, _ = read_audio(str(path))
    np.testing.assert_allclose(wave[:16000], stored[:, 0], atol=0.03)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(CorruptMediaError, match='truncated'):
        read_audio(str(path))


def test_flac_of_unknown_length(tmp_path):
    """As written to a pipe."""
    path = tmp_path / 'a.flac'
    write_wav(path, tone(1))
    expected, _ = read_audio(str(path))
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    np.testing.assert_array_equal(read_audio(str(path))[0], expected)
    window, _ = read_audio(str(path), 0.5, 0.75)
    np.testing.assert_array_equal(window, expected[8000:12000])
