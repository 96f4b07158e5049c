# Copyright (c) mmgmp authors.
import math
import os
from fractions import Fraction

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from scipy.signal import resample_poly

from mmgmp.released.alignment import is_released, released_window

from ..arguments import check_choice
from ..media.audio import EmptyWindowError, read_audio, read_audio_track
from ..media.container import CorruptMediaError
from ..media.video import read_frame_rate


@TRANSFORMS.register_module()
class LoadAudio(BaseTransform):
    """Load the sound of the sampled frames.

    soundfile reads only the required samples of the wav file. If there is no
    wav file, PyAV decodes the audio track of the video file instead. The
    channels are averaged, and the samples are resampled to ``sample_rate``
    (polyphase filter) if the file has another rate.

    ``align='clip'`` takes the seconds ``[first / fps, (last + 1) / fps)``,
    where ``first`` and ``last`` are the smallest and the largest sampled frame
    index and ``fps`` is the file's own frame rate. If ``SampleFrames`` wraps
    around the end of a short video, this is the whole video; with several
    clips it is one window over all of them. A window that extends beyond the
    end of the audio is cut there. ``align='whole'`` takes the whole file, and
    ``align='action'`` the seconds ``audio_start`` to ``audio_stop``.

    An item with ``alignment='as_released'`` follows the published code:
    :func:`~mmgmp.released.alignment.released_window` computes the window of
    ``align='clip'``, a window without sound gives zeros, and nothing is
    resampled.

    A file is corrupt if all of its samples are zero or if it ends before the
    clip starts, unless ``allow_silence``. A silent passage is not an error.

    Required keys:

        - audio_path (str)
        - filename (str): Video file, for the frame rate and the audio track.
        - frame_inds, start_index: From ``SampleFrames``, with
          ``align='clip'``.
        - avg_fps (float, optional): Frame rate, otherwise read from the
          video file.
        - flow_frame_inds, flow_fps: From :class:`FlowBranch`, with
          ``follow='flow'``; they replace the three keys above.
        - audio_start, audio_stop (float): With ``align='action'``, seconds in
          ``audio_path``. This file must exist; the audio track of the video
          cannot replace it.
        - alignment (str, optional): ``'true_fps'`` (the default) or
          ``'as_released'``.

    Added keys:

        - audios (np.ndarray): Waveform (S,) float32 in [-1, 1].
        - sample_rate (int): Samples per second of the waveform.

    Modified keys:

        - audio_path: The file that was read.

    Args:
        sample_rate: Samples per second of the result.
        align: ``'clip'``, ``'whole'`` or ``'action'``.
        follow: Modality of the sampled frames, ``'video'`` or ``'flow'``.
        allow_silence: Whether to load a silent file as it is, and zeros if
            the file ends before the clip starts.

    Raises:
        ValueError: If an argument has an invalid value.
        CorruptMediaError: When called, if a file is missing, empty or
            truncated, cannot be decoded, or (without ``allow_silence``) is
            silent or ends before the clip starts.
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
        released = is_released(results)
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
            wave = resample(wave, rate, self.sample_rate)
            rate = self.sample_rate
        results['audios'] = wave
        results['sample_rate'] = rate
        results['audio_path'] = path
        return results

    def _window(
        self, results: dict, released: bool
    ) -> tuple[float, float | None]:
        """Get the start and end in seconds; None means the end of the file."""
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
            return released_window(indices)
        return clip_window(
            indices, fps or read_frame_rate(results['filename'])
        )

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(sample_rate={self.sample_rate}, '
            f"align='{self.align}', follow='{self.follow}', "
            f'allow_silence={self.allow_silence})'
        )


def clip_window(
    frame_inds: np.ndarray, fps: float | Fraction
) -> tuple[float, float]:
    """Get the start and end, in seconds, of the time that frames cover.

    Args:
        frame_inds: Frame indices, counted from 0, in any order.
        fps: Frames per second.

    Example:
        >>> clip_window(np.array([40, 42, 2, 4]), fps=20)
        (0.1, 2.15)
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
