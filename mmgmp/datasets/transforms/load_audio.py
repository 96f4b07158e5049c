# Copyright (c) mmgmp authors.
import math
import os

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from scipy.signal import resample_poly

from ..media import (
    CorruptMediaError,
    read_audio,
    read_audio_track,
    read_frame_rate,
)

ALIGNMENTS = ('clip', 'whole')


@TRANSFORMS.register_module()
class LoadAudio(BaseTransform):
    """Load the sound of the sampled frames.

    The wav file is read by soundfile, and only the samples needed; where
    there is no such file, the audio track of the video file is decoded by
    PyAV instead. The channels are averaged, and the samples are resampled to
    ``sample_rate`` (polyphase filter) if the file has another rate.

    ``align='clip'`` takes the seconds ``[first / fps, (last + 1) / fps)``,
    where ``first`` and ``last`` are the smallest and the largest of the
    sampled frame indices and ``fps`` is the file's own frame rate. Where
    ``SampleFrames`` wraps around the end of a short video, this is the whole
    video; with several clips it is one window over all of them. A window that
    exceeds the audio is cut at its end. ``align='whole'`` takes the whole
    file.

    A file all of whose samples are zero is corrupt. A silent passage in any
    other file is not.

    Required keys:

        - audio_path (str)
        - filename (str): Video file, for the frame rate and the audio track.
        - frame_inds, start_index: With ``align='clip'``, of ``SampleFrames``.
        - avg_fps (float, optional): Frame rate, otherwise read from the
          video file.

    Added keys:

        - audios (np.ndarray): Waveform (S,) float32 in [-1, 1].
        - sample_rate (int): Its samples per second.

    Modified keys:

        - audio_path: The file that was read.

    Args:
        sample_rate: Samples per second of the result.
        align: ``'clip'`` or ``'whole'``.

    Raises:
        ValueError: If an argument has another value than these.
        CorruptMediaError: (a call) If a file is missing, empty, truncated or
            silent, cannot be decoded, or ends before the clip begins.
    """

    def __init__(self, sample_rate: int = 16000, align: str = 'clip') -> None:
        if sample_rate < 1:
            raise ValueError(
                f'`sample_rate` must be positive, got {sample_rate}'
            )
        if align not in ALIGNMENTS:
            raise ValueError(
                f'`align` must be one of {ALIGNMENTS}, got {align!r}'
            )
        self.sample_rate = sample_rate
        self.align = align

    def transform(self, results: dict) -> dict:
        """Add the waveform."""
        read, path = read_audio, results['audio_path']
        if not os.path.exists(path):
            read, path = read_audio_track, results['filename']
        start, stop = 0.0, None
        if self.align == 'clip':
            start, stop = clip_window(
                results['frame_inds'] - results['start_index'],
                results.get('avg_fps') or read_frame_rate(results['filename']),
            )
        wave, rate = read(path, start, stop)
        if not wave.any() and not read(path)[0].any():
            raise CorruptMediaError(
                f'the audio of media file {path} is silent: every sample is '
                'zero'
            )
        results['audios'] = resample(wave, rate, self.sample_rate)
        results['sample_rate'] = self.sample_rate
        results['audio_path'] = path
        return results

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(sample_rate={self.sample_rate}, '
            f"align='{self.align}')"
        )


def clip_window(frame_inds: np.ndarray, fps: float) -> tuple[float, float]:
    """Begin and end, in seconds, of the time that frames cover.

    Args:
        frame_inds: Frame indices, counted from 0, in any order.
        fps: Frames per second.
    """
    return float(frame_inds.min() / fps), float((frame_inds.max() + 1) / fps)


def resample(wave: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """Resample a waveform (S,) from one sample rate to another.

    Args:
        wave: Samples (S,) float32.
        rate: Samples per second.
        new_rate: Samples per second of the result.

    Returns:
        Samples (ceil(S * new_rate / rate),) float32.
    """
    if rate == new_rate:
        return wave
    divisor = math.gcd(rate, new_rate)
    return resample_poly(wave, new_rate // divisor, rate // divisor).astype(
        np.float32
    )
