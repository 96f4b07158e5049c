# Copyright (c) mmgmp authors.
"""Know when the frames of a video file are shown."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple, cast

import numpy as np
from av.container import InputContainer
from av.format import Flags
from av.packet import Packet

from .container import (
    CorruptMediaError,
    audio_stream,
    naming,
    open_container,
    video_stream,
)

# Seconds.
_LEAD_IN, _PRIMING = 0.02, 0.15


class FrameTimes(NamedTuple):
    """When the frames of a video file are shown.

    All times are seconds on the clock of the file, on which the first frame
    need not be at 0.

    Attributes:
        begin: Time of the first frame.
        rate: Frames per second, the mean if the frame rate varies.
        sound_begin: Time of the first sample of the sound. A separate sound
            file is supposed to have been cut out of the audio track; without
            a track, to begin with the first frame.
        edges: Times (N + 1,) of the N frames and of the end of the last one,
            in order, or None if frame ``i`` is shown at ``begin + i / rate``.
    """

    begin: float
    rate: float
    sound_begin: float
    edges: np.ndarray | None = None

    def window(self, frame_inds: np.ndarray) -> tuple[float, float]:
        """Get the time from the first of some frames to the end of the last.

        Args:
            frame_inds: Frame indices, counted from 0, in any order.
        """
        if self.edges is None:
            start, stop = clip_window(frame_inds, self.rate)
            return self.begin + start, self.begin + stop
        start, stop = self.edges[[frame_inds.min(), frame_inds.max()]]
        # The next frame that is later: several may have the same time.
        end = np.searchsorted(self.edges, stop, side='right')
        return float(start), float(self.edges[min(end, len(self.edges) - 1)])

    def duration(self, num_frames: int) -> float:
        """Get the seconds from the first frame to the end of the last one."""
        if self.edges is None:
            return num_frames / self.rate
        return float(self.edges[-1] - self.edges[0])

    def shown(self, seconds: np.ndarray) -> np.ndarray:
        """Find the frames that are shown at some times.

        Args:
            seconds: Times after the first frame, none beyond the last one.

        Returns:
            Frame indices, counted from 0.
        """
        # A time that is meant to be that of a frame may be rounded below it,
        # and times in a file are often rounded to milliseconds.
        seconds = seconds + 1e-3
        if self.edges is None:
            return (seconds * self.rate).astype(int)
        times = self.edges[:-1] - self.begin
        return np.searchsorted(times, seconds, side='right') - 1


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


class PacketInfo(NamedTuple):
    """Times of the frame in a packet, in units of the stream, and flags."""

    pts: int | None
    dts: int | None
    duration: int
    is_keyframe: bool
    is_discard: bool
    is_corrupt: bool

    @classmethod
    def of(cls, packet: Packet) -> 'PacketInfo':
        """Take them from a packet."""
        return cls(
            packet.pts,
            packet.dts,
            packet.duration or 0,
            packet.is_keyframe,
            packet.is_discard,
            packet.is_corrupt,
        )


def shown_packets(
    packets: Sequence[PacketInfo], path: str
) -> list[PacketInfo]:
    """Select the packets whose frames are shown.

    A recording may begin between two key frames. A decoder shows nothing
    before the first frame that it can build.

    Args:
        packets: All packets of a video stream.
        path: File.
    """
    shown = [p for p in packets if not p.is_discard]
    if not shown or shown[0].is_keyframe or shown[0].pts is None:
        return shown
    with open_container(path) as container, naming(path):
        stream, _ = video_stream(container, path)
        first = next(container.decode(stream), None)
    if first is None or first.pts is None:
        return shown
    return [p for p in shown if p.pts is None or p.pts >= first.pts]


def frame_times(
    packets: Sequence[PacketInfo], container: InputContainer, path: str
) -> FrameTimes:
    """Get the times of frames from those of their packets.

    The times in a container are often rounded, for example to milliseconds in
    Matroska and FLV. If they are those of a constant frame rate up to this
    rounding, the exact times are used. If frames have no time (AVI, raw
    streams), or their times run backwards (two recordings that were written
    one after the other), the frame rate is supposed to be constant.

    Args:
        packets: Packets with a shown frame, in their order. May be empty: the
            frame rate is then supposed to be constant, too.
        container: The opened file.
        path: File.
    """
    stream, rate = video_stream(container, path)
    tick, fps = float(stream.time_base or 1), float(rate)
    if container.format.name == 'avi':
        # Its frames are due in the order and at the times of their packets.
        packets = [p._replace(pts=p.dts) for p in packets]
    known = sorted((p.pts, p.duration) for p in packets if p.pts is not None)
    begin, edges = (stream.start_time or 0) * tick, None
    if container.format.flags & cast(int, Flags.no_timestamps.value):
        # A raw stream: FFmpeg made the times up.
        begin, known = 0.0, []
    if known and len(known) == len(packets) and _in_order(packets):
        begin = known[0][0] * tick
        edges = np.array([pts for pts, _ in known] + [known[-1][0]]) * tick
        edges[-1] += known[-1][1] * tick or 1 / fps
        shifts = edges[:-1] - begin - np.arange(len(known)) / fps
        if np.abs(shifts).max() <= min(1.001 * tick, 0.25 / fps):
            edges = None
    sound = _sound_begin(container, begin)
    return FrameTimes(begin, fps, sound, edges)


def _sound_begin(container: InputContainer, default: float) -> float:
    """Get the time of the first sample of the audio track."""
    try:
        track = audio_stream(container, '')
    except CorruptMediaError:
        return default
    if track.start_time is None or track.time_base is None:
        return default
    begin = float(track.start_time * track.time_base)
    whole = (container.start_time or 0) / 1e6
    if begin - whole < _LEAD_IN:
        begin = whole
    # The first samples of some codecs only start the decoder. Their times are
    # slightly negative, or the track seems to begin slightly late.
    return 0.0 if -_PRIMING < begin < 0 else begin


def _in_order(packets: Sequence[PacketInfo]) -> bool:
    """Check that packets are in the order of their decoding times."""
    times = [p.dts for p in packets if p.dts is not None]
    return all(first <= second for first, second in pairwise(times))
