# Copyright (c) mmgmp authors.
import math
import os

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from scipy.signal import resample_poly

from ..arguments import check_choice
from ..media import (
    CorruptMediaError,
    EmptyWindowError,
    read_audio,
    read_audio_track,
    read_frame_rate,
)

# What the published code takes every file to have.
RELEASED_FPS = 24


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
    file, and ``align='action'`` the seconds that the item states.

    An item with ``alignment='as_released'`` follows the published code. With
    ``align='clip'`` it takes the seconds ``[i[0] / 24, i[-1] / 24)`` of the
    frame indices ``i`` in their order, whatever the frame rate, so that a
    clip that wraps around may have little sound or none; no sound gives
    zeros. There is no resampling.

    A file all of whose samples are zero is corrupt, and so is one that ends
    before the clip begins, unless ``allow_silence``. A silent passage in any
    other file is not.

    Required keys:

        - audio_path (str)
        - filename (str): Video file, for the frame rate and the audio track.
        - frame_inds, start_index: With ``align='clip'``, of ``SampleFrames``.
        - avg_fps (float, optional): Frame rate, otherwise read from the
          video file.
        - flow_frame_inds, flow_fps: Instead of these with
          ``follow='flow'``, of :class:`~mmgmp.datasets.FlowBranch`.
        - audio_start, audio_stop (float): With ``align='action'``, seconds in
          ``audio_path``, in whose place no audio track is read then.
        - alignment (str, optional): ``'true_fps'`` (the default) or
          ``'as_released'``.

    Added keys:

        - audios (np.ndarray): Waveform (S,) float32 in [-1, 1].
        - sample_rate (int): Its samples per second.

    Modified keys:

        - audio_path: The file that was read.

    Args:
        sample_rate: Samples per second of the result.
        align: ``'clip'``, ``'whole'`` or ``'action'``.
        follow: Whose frames a clip has, ``'video'`` or ``'flow'``.
        allow_silence: Whether a silent file is loaded as it is, and no sound
            at all as zeros.

    Raises:
        ValueError: If an argument has another value than these.
        CorruptMediaError: (a call) If a file is missing, empty or truncated,
            cannot be decoded, or (without ``allow_silence``) is silent or
            ends before the clip begins.
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        align: str = 'clip',
        follow: str = 'video',
        allow_silence: bool = False,
    ) -> None:
        if sample_rate < 1:
            raise ValueError(
                f'`sample_rate` must be positive, got {sample_rate}'
            )
        check_choice('align', align, ('clip', 'whole', 'action'))
        check_choice('follow', follow, ('video', 'flow'))
        self.sample_rate = sample_rate
        self.align = align
        self.follow = follow
        self.allow_silence = allow_silence

    def transform(self, results: dict) -> dict:
        """Add the waveform."""
        read, path = read_audio, results['audio_path']
        if self.align != 'action' and not os.path.exists(path):
            read, path = read_audio_track, results['filename']
        released = results.get('alignment') == 'as_released'
        try:
            wave, rate = read(path, *self._window(results, released))
        except EmptyWindowError:
            if not (self.allow_silence or released):
                raise
            wave, rate = np.zeros(1, np.float32), self.sample_rate
        if (
            not self.allow_silence
            and not wave.any()
            and not read(path)[0].any()
        ):
            raise CorruptMediaError(
                f'the audio of media file {path} is silent: every sample is '
                'zero'
            )
        if not released:
            wave, rate = (
                resample(wave, rate, self.sample_rate),
                self.sample_rate,
            )
        results['audios'] = wave
        results['sample_rate'] = rate
        results['audio_path'] = path
        return results

    def _window(self, results: dict, released: bool) -> tuple:
        """Begin and end in seconds; an end of None is that of the file."""
        if self.align == 'whole':
            return 0.0, None
        if self.align == 'action':
            return results['audio_start'], results['audio_stop']
        if self.follow == 'flow':
            indices, fps = results['flow_frame_inds'], results['flow_fps']
        else:
            indices = results['frame_inds'] - results['start_index']
            fps = results.get('avg_fps')
        if released:
            first, last = indices[[0, -1]] / RELEASED_FPS
            return float(first), float(last)
        return clip_window(
            indices, fps or read_frame_rate(results['filename'])
        )

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(sample_rate={self.sample_rate}, '
            f"align='{self.align}', follow='{self.follow}', "
            f'allow_silence={self.allow_silence})'
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
