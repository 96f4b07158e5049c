# Copyright (c) mmgmp authors.
"""Writers of media files with both video and sound."""

from pathlib import Path

import av
import numpy as np
import soundfile

# An unturned QuickTime display matrix (16.16 and 2.30 fixed point), and that
# of a phone held upright, which shows the pixel (x, y) at (H - y, x).
ONE, MINUS_ONE, ZERO = b'\0\1\0\0', b'\xff\xff\0\0', b'\0\0\0\0'
LAST = b'\x40\0\0\0'
UNTURNED = ONE + 3 * ZERO + ONE + 3 * ZERO + LAST
CLOCKWISE = ZERO + ONE + ZERO + MINUS_ONE + 4 * ZERO + LAST


def mux(
    video: str | Path,
    audio: str | Path | np.ndarray | None,
    out: str | Path,
    codec: str = 'aac',
) -> str:
    """Write a video, unchanged, and a sound into one file.

    Args:
        video: File with the video stream.
        audio: Mono wav file, samples (S,) at 16 kHz, or None.
        out: File to write.
        codec: Audio codec; ``pcm_s16le`` keeps 16-bit samples as they are.

    Returns:
        ``out``.
    """
    rate = 16000
    if isinstance(audio, (str, Path)):
        audio, rate = soundfile.read(audio, dtype='float32')
    with av.open(str(video)) as source, av.open(str(out), 'w') as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        if audio is not None:
            sound = target.add_stream(codec, rate=rate, layout='mono')
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                target.mux(packet)
        if audio is not None:
            target.mux(sound.encode(_audio_frame(audio, rate, codec)))
            target.mux(sound.encode())
    return str(out)


def hold_upright(path: str | Path, out: str | Path) -> str:
    """Copy an mp4 whose header tells players to rotate it clockwise."""
    data = Path(path).read_bytes()
    track = data.index(b'tkhd', data.index(b'moov') + 4)
    place = data.index(UNTURNED, track)
    size = place + len(UNTURNED)
    Path(out).write_bytes(data[:place] + CLOCKWISE + data[size:])
    return str(out)


def _audio_frame(wave: np.ndarray, rate: int, codec: str) -> av.AudioFrame:
    samples, format_ = wave[None].astype(np.float32), 'fltp'
    if codec == 'pcm_s16le':
        samples, format_ = np.round(samples * 32768).astype(np.int16), 's16'
    frame = av.AudioFrame.from_ndarray(samples, format=format_, layout='mono')
    frame.sample_rate, frame.pts = rate, 0
    return frame
