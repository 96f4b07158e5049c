# Copyright (c) mmgmp authors.
"""Files of any name are read; files that name others are refused."""

import os
from pathlib import Path

import pytest

from mmgmp.datasets import CorruptMediaError
from mmgmp.datasets.media.audio import read_audio, read_audio_track
from mmgmp.datasets.media.video import (
    VideoReader,
    read_frame_times,
    read_video,
)
from tests.utils.media import moving_frames, tone, write_video, write_wav

# --- names -------------------------------------------------------------------

NAMES = [
    '2024-11-14T22:57:44.mp4',
    'concat:a.mp4',
    'http:',
    '-',
    '-a.mp4',
    'a %03d [1]*#?.mp4',
    "it's \N{CYRILLIC SMALL LETTER A} \N{CJK UNIFIED IDEOGRAPH-8996}.mp4",
    b'\xff\xfe.mp4'.decode('utf-8', 'surrogateescape'),
]


@pytest.mark.parametrize('name', NAMES, ids=ascii)
def test_any_name_in_the_current_folder(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_video('a.mp4', moving_frames(4), audio=tone(1)[None])
    Path('a.mp4').rename(name)
    assert len(read_video(name)[0]) == len(VideoReader(name)) == 4
    assert len(read_audio_track(name)[0]) >= 16000
    write_wav('a.wav', tone(1))
    Path('a.wav').replace(name)
    assert read_audio(name)[0].shape == (16000,)


# --- files that name others --------------------------------------------------

HLS = '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{}\n'
SDP = (
    'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=a\r\nc=IN IP4 127.0.0.1\r\n'
    't=0 0\r\nm=video 5004 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n'
)
LISTS = {
    'live.m3u8': HLS.format('a.ts'),
    'ended.m3u8': HLS.format('a.ts') + '#EXT-X-ENDLIST\n',
    'renamed.mp4': HLS.format('a.ts'),
    'network.m3u8': HLS.format('http://127.0.0.1:9/a.ts'),
    'list.ffconcat': 'ffconcat version 1.0\nfile a.ts\n',
    'concat.mp4': 'ffconcat version 1.0\nfile a.ts\n',
    'dash.mpd': '<?xml version="1.0"?>\n<MPD><BaseURL>a.ts</BaseURL></MPD>\n',
    'session.sdp': SDP,
    'a%03d.png': 'a',
}


@pytest.mark.parametrize('name', LISTS)
def test_file_that_names_others_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_video('a.ts', moving_frames(20), audio=tone(1)[None])
    Path(name).write_text(LISTS[name])
    for read in (VideoReader, read_video, read_audio_track, read_frame_times):
        with pytest.raises(CorruptMediaError, match='is a playlist') as error:
            read(name)
        assert name in str(error.value)


@pytest.mark.parametrize(
    'name',
    [
        'http://127.0.0.1:9/a.mp4',
        'concat:a.mp4|a.mp4',
        'subfile,,start,0,end,0,,:a.mp4',
        'file:a.mp4',
        'a\0.mp4',
    ],
    ids=ascii,
)
def test_address_is_no_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_video('a.mp4', moving_frames(4))
    for read in (VideoReader, read_audio_track, read_audio):
        with pytest.raises(CorruptMediaError, match='does not exist'):
            read(name)


def test_pipe_is_refused(tmp_path):
    """Waiting for it could take forever."""
    os.mkfifo(tmp_path / 'a.mp4')
    for read in (VideoReader, read_audio):
        with pytest.raises(CorruptMediaError, match=r'a\.mp4 is a pipe'):
            read(str(tmp_path / 'a.mp4'))
