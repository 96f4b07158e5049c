# Copyright (c) mmgmp authors.
import math
import os
from collections.abc import Callable, Mapping
from logging import WARNING

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log
from scipy.signal import resample_poly

from mmgmp.released.alignment import is_released, released_window

from ..arguments import check_choice
from ..media.audio import (
    EmptyWindowError,
    has_audio_track,
    read_audio,
    read_audio_track,
)
from ..media.container import CorruptMediaError
from ..media.times import FrameTimes, clip_window
from ..media.video import read_frame_rate, read_frame_times


@TRANSFORMS.register_module()
class LoadAudio(BaseTransform):
    """Load the sound of the sampled frames.

    soundfile reads only the required samples of the wav file. If there is no
    wav file, PyAV decodes the audio track of the video file instead. The
    channels are averaged, and the samples are resampled to ``sample_rate``
    (polyphase filter) if the file has another rate.

    ``align='clip'`` takes the sound from the time at which the first of the
    sampled frames is shown to the end of the last one, by the times in the
    file. With a constant frame rate, these are the seconds ``[first / fps,
    (last + 1) / fps)`` after the start of the picture. A wav file is supposed
    to have been cut out of the audio track, or to begin with the picture if
    the video has none. If ``SampleFrames`` wraps around the end of a short
    video, this is the whole video; with several clips it is one window over
    all of them. A window that extends beyond the end of the audio is cut
    there; before its start, the samples are zero. ``align='whole'`` takes the
    whole file, or the part of it that :class:`OpenVideo` selects by
    ``clip_start`` and ``clip_stop``. ``align='action'`` takes the seconds
    ``audio_start`` to ``audio_stop``.

    An item with ``alignment='as_released'`` follows the published code:
    :func:`~mmgmp.released.alignment.released_window` computes the window of
    ``align='clip'``, a window without sound gives zeros, and nothing is
    resampled.

    A file is corrupt if all of its samples are zero or if it ends before the
    clip starts, unless ``allow_silence``. A silent passage is not an error.
    With ``align='action'``, a missing file is always an error.

    Required keys:

        - audio_path (str, optional)
        - filename (str): Video file, for the times and the audio track.
        - frame_inds, start_index: From ``SampleFrames``, with
          ``align='clip'``.
        - frame_times (FrameTimes, optional): From :class:`OpenVideo`,
          otherwise read from the video file.
        - avg_fps (float): Frame rate of a folder of frames.
        - flow_frame_inds, flow_fps: From :class:`FlowBranch`, with
          ``follow='flow'``; they replace ``frame_inds`` and ``avg_fps``.
        - audio_start, audio_stop (float): With ``align='action'``, seconds in
          ``audio_path``. This file must exist; the audio track of the video
          cannot replace it.
        - alignment (str, optional): ``'true_fps'`` (the default) or
          ``'as_released'``.

    Added keys:

        - audios (np.ndarray): Waveform (S,) float32 in [-1, 1].
        - sample_rate (int): Samples per second of the waveform.
        - silent (bool): Whether all samples are zero. Name it in ``meta_keys``
          of ``PackActionInputs`` to have it in the data samples.

    Modified keys:

        - audio_path: The file that was read.

    Args:
        sample_rate: Samples per second of the result.
        align: ``'clip'``, ``'whole'`` or ``'action'``.
        follow: Modality of the sampled frames, ``'video'`` or ``'flow'``.
        allow_silence: Whether to load a silent file as it is, and zeros if
            the file ends before the clip starts, or if there is neither a wav
            file nor an audio track. The zeros have the length of the clip (one
            sample with ``align='whole'``), and the first file without sound is
            logged. Such clips are trained on and tested like others.

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
        self._warned = False

    def transform(self, results: dict) -> dict:
        """Add the waveform."""
        read, path = read_audio, results.get('audio_path', '')
        track = self.align != 'action' and not os.path.exists(path)
        if track:
            read, path = read_audio_track, results['filename']
        released = is_released(results)
        window = self._window(results, released, track)
        try:
            wave, rate = read(path, *window)
        except CorruptMediaError as error:
            if not self._may_be_silent(error, read, path, released):
                raise
            wave, rate = silence(*window, self.sample_rate), self.sample_rate
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
        results['silent'] = not wave.any()
        results['sample_rate'] = rate
        results['audio_path'] = path
        return results

    def _may_be_silent(
        self, error: CorruptMediaError, read: Callable, path: str, released
    ) -> bool:
        """Check whether zeros stand in for sound that could not be read."""
        if isinstance(error, EmptyWindowError):
            return self.allow_silence or released
        absent = (
            self.allow_silence
            and read is read_audio_track
            and not has_audio_track(path)
        )
        if absent and not self._warned:
            self._warned = True
            print_log(
                f'{error}: this clip, and others without sound, are read as '
                'silence, because `allow_silence` of LoadAudio is True',
                logger='current',
                level=WARNING,
            )
        return absent

    def _window(
        self, results: dict, released: bool, track: bool
    ) -> tuple[float | None, float | None]:
        """Get the start and end in seconds; None means those of the file."""
        part = not {'clip_start', 'clip_stop'}.isdisjoint(results)
        if self.align == 'whole' and not part:
            return None, None
        if self.align == 'action':
            return results['audio_start'], results['audio_stop']
        flow = self.follow == 'flow'
        if self.align == 'whole':
            indices = np.array([0, results['total_frames'] - 1])
            fps = results.get('avg_fps')
        elif flow:
            indices, fps = results['flow_frame_inds'], results['flow_fps']
        else:
            indices = results['frame_inds'] - results['start_index']
            fps = results.get('avg_fps')
        if released and not track:
            return released_window(indices)
        times = _times(results, fps)
        if released:
            # As if the track had been written to a wav file.
            start, stop = released_window(indices)
            origin = times.sound_begin
        elif flow:
            start, stop = clip_window(indices, fps or times.rate)
            origin = times.begin
        else:
            start, stop = times.window(indices)
            origin = 0.0
        if not track:
            origin -= times.sound_begin
        return start + origin, stop + origin

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(sample_rate={self.sample_rate}, '
            f"align='{self.align}', follow='{self.follow}', "
            f'allow_silence={self.allow_silence})'
        )


def silence(
    start: float | None, stop: float | None, sample_rate: int
) -> np.ndarray:
    """Create zeros (S,) float32 for a window in seconds, at least one."""
    seconds = 0.0 if stop is None else stop - (start or 0.0)
    return np.zeros(max(1, round(seconds * sample_rate)), np.float32)


def _times(results: Mapping, fps: float | None) -> FrameTimes:
    """Get the times of the frames of an item.

    Args:
        results: The item.
        fps: Frames per second of a folder of frames, which have no times.
    """
    if 'frame_times' in results:
        return results['frame_times']
    path = results['filename']
    if 'frame_dir' not in results and os.path.isfile(path):
        return read_frame_times(path)
    return FrameTimes(0.0, float(fps or read_frame_rate(path)), 0.0)


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
