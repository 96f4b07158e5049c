# Copyright (c) mmgmp authors.
"""Writers of media files with both video and sound."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import av
import numpy as np
import soundfile
from mmcv.transforms import Compose

from mmgmp.datasets import DecodeFrames, LoadAudio, OpenVideo

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


def write_seconds(
    path: str | Path,
    times: np.ndarray,
    codecs: tuple[str, str | None] = ('libx264', 'aac'),
    sound: tuple[float, float] = (0.0, 4.0),
    rate: int = 16000,
    tick: Fraction = Fraction(1, 90000),
    fps: int = 30,
    turn: tuple[int, bool, bool] | None = None,
    layout: str = 'mono',
    shift: int = 0,
    options: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Write a clip whose picture and sound both tell the second.

    In second s the picture has brightness ``20 + 40 s`` and the sound is a
    tone of ``200 (s + 1)`` Hz. The left upper quarter is darker.

    Args:
        path: File to write.
        times: Presentation times of the frames, before ``shift``.
        codecs: Video codec, and audio codec or None.
        sound: First and last time of the sound.
        rate: Samples per second.
        tick: Unit of the video times.
        fps: Frame rate in the header.
        turn: Display matrix: degrees, horizontal and vertical flip.
        layout: Layout of the channels, which are all equal.
        shift: Seconds by which picture and sound begin later.
        options: Those of the container.

    Returns:
        ``path``.
    """
    packets = []
    with av.open(str(path), 'w', options=dict(options)) as container:
        video = container.add_stream(codecs[0], rate=fps)
        video.width, video.height, video.pix_fmt = 64, 48, 'yuv420p'
        video.codec_context.time_base = tick
        if turn is not None:
            video.set_display_rotation(*turn)
        if codecs[1]:
            audio = container.add_stream(codecs[1], rate=rate, layout=layout)
        for time in times:
            image = np.full((48, 64, 3), 20 + 40 * int(time + 1e-6), np.uint8)
            image[:24, :32] //= 2
            frame = av.VideoFrame.from_ndarray(image)
            frame.pts, frame.time_base = round((time + shift) / tick), tick
            packets += video.encode(frame)
        packets += video.encode()
        if codecs[1]:
            first, last = (round(t * rate) for t in sound)
            t = np.arange(first, last) / rate
            wave = 0.5 * np.sin(2 * np.pi * 200 * (np.floor(t) + 1) * t)
            channels = len(audio.codec_context.layout.channels)
            size = audio.codec_context.frame_size or 1024
            for i in range(0, len(wave), size):
                block = wave[None, i : i + size].astype(np.float32)
                frame = _sound(
                    block.repeat(channels, axis=0),
                    layout,
                    rate,
                    first + i + shift * rate,
                )
                packets += audio.encode(frame)
            packets += audio.encode()
        packets.sort(key=lambda p: p.dts * p.time_base)
        container.mux(packets)
    return str(path)


def _sound(wave: np.ndarray, layout: str, rate: int, pts: int):
    """Make a frame of samples (C, S)."""
    # Interleaved: PyAV cannot write 8 or more planes.
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(wave.T.reshape(1, -1)), 'flt', layout
    )
    frame.sample_rate, frame.pts = rate, pts
    frame.time_base = Fraction(1, rate)
    return frame


def tone_second(wave: np.ndarray, rate: int = 16000) -> float:
    """Get the second that the loudest tone of a waveform tells."""
    spectrum = np.abs(np.fft.rfft(wave))
    return np.fft.rfftfreq(len(wave), 1 / rate)[spectrum.argmax()] / 200 - 1


def load(path, frames, in_memory=False, audio_path='', **load_audio):
    """Read frames of a clip and their sound, as a pipeline does."""
    item = OpenVideo(in_memory)(
        dict(filename=path, audio_path=str(audio_path), start_index=0)
    )
    item['frame_inds'] = np.array(frames)
    return Compose([DecodeFrames(), LoadAudio(**load_audio)])(item)


def picture_second(image: np.ndarray) -> float:
    """Get the second that a picture tells."""
    return (image[-8:, -8:].mean() - 20) / 40
