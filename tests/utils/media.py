# Copyright (c) mmgmp authors.
"""Writers of small media files and of trees in the layout of HAC."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import av
import numpy as np
import soundfile


def moving_frames(
    num_frames: int, height: int = 32, width: int = 40
) -> np.ndarray:
    """RGB frames (T, H, W, 3) uint8, smooth and all different."""
    t, y, x = np.mgrid[:num_frames, :height, :width].astype(float)
    waves = [
        np.sin(x / 5 + t / 3),
        np.sin(y / 4 - t / 5),
        np.sin((x + y) / 6 + t),
    ]
    return (127.5 * (1 + np.stack(waves, -1))).astype(np.uint8)


def tone(seconds: float, rate: int = 16000, hertz: float = 440) -> np.ndarray:
    """Sine (S,) float32 of amplitude 0.5."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def write_video(
    path: Path,
    frames: np.ndarray,
    fps: int = 24,
    audio: np.ndarray | None = None,
    audio_rate: int = 16000,
    audio_begin: float = 0.0,
    faststart: bool = False,
    codec: str = 'libx264',
    coding: Mapping[str, str] = MappingProxyType(dict(preset='ultrafast')),
) -> None:
    """Write a video with, if given, an AAC track of ``audio`` (C, S).

    The track starts at ``audio_begin`` seconds. ``coding`` are the options of
    the video codec.
    """
    options = dict(movflags='faststart') if faststart else {}
    with av.open(str(path), 'w', options=options) as container:
        video = container.add_stream(
            codec, rate=fps, options=dict(coding, threads='1')
        )
        video.height, video.width = frames.shape[1:3]
        video.pix_fmt = 'yuv420p'
        if audio is not None:
            layout = 'mono' if len(audio) == 1 else 'stereo'
            sound = container.add_stream('aac', rate=audio_rate, layout=layout)
        for image in frames:
            frame = av.VideoFrame.from_ndarray(image, format='rgb24')
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio is not None:
            frame = av.AudioFrame.from_ndarray(
                audio.astype(np.float32), format='fltp', layout=layout
            )
            frame.sample_rate = audio_rate
            # Without this, the delay of the encoder would not be recorded.
            frame.pts = round(audio_begin * audio_rate)
            container.mux(sound.encode(frame))
            container.mux(sound.encode())


def write_wav(path: Path, wave: np.ndarray, rate: int = 16000) -> None:
    """Write samples (S,) or (S, C) as 16-bit PCM."""
    soundfile.write(path, wave, rate, subtype='PCM_16')


def write_hac(
    root: Path,
    rows: dict[tuple[str, str], Iterable[tuple[str, object]]],
    num_frames: int = 20,
    fps: int = 10,
) -> Path:
    """Write a tree in the layout of HAC.

    Args:
        root: Folder of the tree, made if absent.
        rows: (split, domain) -> rows of the CSV file, (file name, label).
            Each file is written once, with a tone of its own for the sound.
        num_frames: Frames of each video.
        fps: Frames per second of each video.

    Returns:
        ``root``.
    """
    splits = root / 'HAC_Splits'
    splits.mkdir(parents=True, exist_ok=True)
    number = 0
    for (split, domain), table in rows.items():
        (root / domain / 'videos').mkdir(parents=True, exist_ok=True)
        (root / domain / 'audio').mkdir(exist_ok=True)
        lines = []
        for name, label in table:
            lines.append(f'{name},{label}\n')
            number += 1
            write_video(
                root / domain / 'videos' / name,
                np.roll(moving_frames(num_frames), number, axis=2),
                fps,
            )
            write_wav(
                root / domain / 'audio' / f'{Path(name).stem}.wav',
                tone(num_frames / fps, hertz=200 + 50 * number),
            )
        table = splits / f'HAC_{split}_only_{domain}.csv'
        table.write_text(''.join(lines))
    return root
