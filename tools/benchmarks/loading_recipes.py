# Copyright (c) mmgmp authors.
"""Clips and recipes for ``benchmark_dataset.py``."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import soundfile
from scipy.signal import spectrogram

SAMPLE_RATE = 16000
RELEASED_FPS = 24
Steps = list[tuple[str, Callable]]


def write_clips(
    root: Path,
    num_clips: int,
    num_frames: int,
    fps: int,
    size: tuple[int, int],
    keyint: int,
) -> float:
    """Write clips of the domain 'human' in the layout of HAC.

    A figure moves over a textured scene while the camera pans, with a little
    noise.

    Returns:
        Kilobits per second of the videos.
    """
    for folder in ('HAC_Splits', 'human/videos', 'human/audio'):
        (root / folder).mkdir(parents=True)
    width, height = size
    bits, rows = 0, []
    for clip in range(num_clips):
        rng = np.random.default_rng(clip)
        noise = rng.standard_normal((height + 80, width + 80, 3), np.float32)
        blurred = cv2.GaussianBlur(noise, (0, 0), 3)
        scene = 128 + 45 * blurred / blurred.std()
        path = root / f'human/videos/{clip}.mp4'
        options = dict(g=str(keyint), threads='1')
        with av.open(str(path), 'w') as container:
            stream = container.add_stream('libx264', fps, options=options)
            stream.width, stream.height, stream.pix_fmt = *size, 'yuv420p'
            for t in np.arange(num_frames) / fps:
                image = _image(scene, size, t, rng)
                frame = av.VideoFrame.from_ndarray(image, format='rgb24')
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        wave = rng.normal(0, 0.1, round(num_frames / fps * SAMPLE_RATE))
        soundfile.write(root / f'human/audio/{clip}.wav', wave, SAMPLE_RATE)
        bits += 8 * path.stat().st_size
        rows.append(f'{clip}.mp4,{clip % 7}\n')
    table = root / 'HAC_Splits/HAC_train_only_human.csv'
    table.write_text(''.join(rows))
    return bits / 1e3 / (num_clips * num_frames / fps)


def _image(
    scene: np.ndarray, size: tuple[int, int], t: float, rng
) -> np.ndarray:
    width, height = size
    x, y = int(40 + 35 * np.sin(t / 2)), int(40 + 35 * np.sin(t / 1.5))
    image = scene[y : y + height, x : x + width].copy()
    centre = (
        int(width * (0.5 + 0.3 * np.sin(1.5 * t))),
        int(height * (0.5 + 0.2 * np.cos(2.3 * t))),
    )
    axes = (width // 8, height // 4)
    turn = 10 * np.sin(3 * t)
    cv2.ellipse(image, centre, axes, turn, 0, 360, (200, 150, 120), -1)
    image += rng.normal(0, 2, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def decode_clip(results: dict) -> dict:
    """Decode the whole clip with PyAV."""
    with av.open(results['filename']) as container:
        stream = container.streams.video[0]
        stream.thread_type = 'NONE'
        frames = [
            frame.to_ndarray(format='rgb24')
            for frame in container.decode(stream)
        ]
    return _add_array(results, np.stack(frames))


def decode_clip_imageio(results: dict) -> dict:
    """Decode the whole clip with imageio."""
    import imageio.v3

    array = imageio.v3.imread(results['filename'], plugin='pyav')
    return _add_array(results, array)


def _add_array(results: dict, array: np.ndarray) -> dict:
    results.update(array=array, total_frames=len(array) - 1)
    return results


def take_frames(results: dict) -> dict:
    """Take the sampled frames, each one frame before its index."""
    array = results.pop('array')
    results['imgs'] = [array[max(i - 1, 0)] for i in results['frame_inds']]
    results['original_shape'] = results['img_shape'] = array.shape[1:3]
    return results


def read_wav(results: dict) -> dict:
    """Read the whole wav file, then cut out the samples of the frames."""
    wave, rate = soundfile.read(results['audio_path'])
    begin, end = results['frame_inds'][[0, -1]] / RELEASED_FPS * rate
    wave = wave[round(begin) : round(end)][: 10 * SAMPLE_RATE]
    results.update(audios=wave, sample_rate=rate)
    return results


def scipy_spectrogram(results: dict) -> dict:
    """Compute the log-spectrogram of the sound, repeated to 10 s."""
    wave = results['audios']
    if not len(wave):
        wave = np.zeros(10 * SAMPLE_RATE)
    while len(wave) < 10 * SAMPLE_RATE:
        wave = np.tile(wave, 10)[: 10 * SAMPLE_RATE]
    _, _, density = spectrogram(
        np.clip(wave, -1, 1), results['sample_rate'], nperseg=512, noverlap=353
    )
    x = np.log(density + 1e-7)
    x = (x - x.mean()) / (x.std() + 1e-9)
    results['audios'] = x.astype(np.float32)
    return results


def recipes(dataset) -> dict[str, Steps]:
    """List the named transforms of each recipe."""
    ours = [(type(t).__name__, t) for t in dataset.pipeline.transforms]
    same = dict(
        DecodeFrames=take_frames,
        LoadAudio=read_wav,
        AudioSpectrogram=scipy_spectrogram,
    )
    found = dict(mmgmp=ours)
    decoders = dict(released=decode_clip)
    if importlib.util.find_spec('imageio'):
        decoders['released (imageio)'] = decode_clip_imageio
    for name, decode in decoders.items():
        released = dict(same, OpenVideo=decode)
        found[name] = [(n, released.get(n, step)) for n, step in ours]
    return found
