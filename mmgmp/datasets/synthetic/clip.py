# Copyright (c) mmgmp authors.
from dataclasses import dataclass

import numpy as np

from .audio import AUDIO_STYLES, render_audio, sound_source
from .motion import motion_track
from .spec import CLASSES, DOMAINS, SPLITS, MiniHACSpec
from .video import VIDEO_STYLES, blend_styles, render_video

# Factors on the motion and on the sound level of weak clips.
WEAK_MOTION = 0.15
WEAK_SOUND = 0.15


@dataclass(frozen=True)
class Clip:
    """Random choices for a clip, made before it is rendered.

    Args:
        domain: Name of the domain.
        split: ``'train'`` or ``'test'``.
        label: Class index.
        index: Number of the clip in its class, domain and split.
        num_frames: Number of video frames.
        video_weak: Whether the motion is faint.
        audio_weak: Whether noise covers the sound.
        video_cue: Number of the background tint.
        audio_cue: Number of the hum.
    """

    domain: str
    split: str
    label: int
    index: int
    num_frames: int
    video_weak: bool
    audio_weak: bool
    video_cue: int
    audio_cue: int

    @property
    def stem(self) -> str:
        """File name without its suffix. One has a space, as in HAC."""
        number = self.index + 1
        gap = (self.domain, CLASSES[self.label], self.split, number) == (
            'cartoon',
            'drinking',
            'train',
            5,
        )
        return (
            f'{CLASSES[self.label]}_{self.split}_{number:02d}'
            f'{" " if gap else ""}'
        )


def cue_of(domain: str, label: int) -> int:
    """Cue of a class in a domain.

    Each domain shifts the assignment cyclically, so no class has the same cue
    in two domains.
    """
    shift = 2 * DOMAINS.index(domain)
    return (label + shift) % len(CLASSES)


def _streams(
    spec: MiniHACSpec, domain: str, split: str, label: int, index: int
) -> list:
    """Independent generators for the plan, the video and the audio."""
    key = (spec.seed, DOMAINS.index(domain), SPLITS.index(split), label, index)
    return [
        np.random.default_rng(s) for s in np.random.SeedSequence(key).spawn(3)
    ]


def plan_clip(
    spec: MiniHACSpec, domain: str, split: str, label: int, index: int
) -> Clip:
    """Draw the length, the weak modalities and the cues of one clip.

    Args:
        spec: The data set.
        domain: Name of the domain.
        split: ``'train'`` or ``'test'``.
        label: Class index.
        index: Number of the clip in its class, domain and split.

    Returns:
        The clip; the same arguments give the same clip.
    """
    rng = _streams(spec, domain, split, label, index)[0]
    follow = rng.uniform(size=2) < (spec.video_cue, spec.audio_cue)
    weak = rng.uniform(size=2) < (spec.video_weak, spec.audio_weak)
    other = rng.integers(len(CLASSES), size=2)
    cues = np.where(follow, cue_of(domain, label), other)
    seconds = rng.uniform(spec.min_seconds, spec.max_seconds)
    return Clip(
        domain,
        split,
        label,
        index,
        round(seconds * spec.fps),
        bool(weak[0]),
        bool(weak[1]),
        int(cues[0]),
        int(cues[1]),
    )


def render_clip(
    spec: MiniHACSpec, clip: Clip
) -> tuple[np.ndarray, np.ndarray]:
    """Render one clip.

    Args:
        spec: The data set.
        clip: Result of :func:`plan_clip`.

    Returns:
        RGB frames (T, size, size, 3) uint8 and the waveform (S,) in [-1, 1] of
        the same duration.
    """
    _, video_rng, audio_rng = _streams(
        spec, clip.domain, clip.split, clip.label, clip.index
    )
    style = blend_styles(VIDEO_STYLES, clip.domain, spec.video_shift)
    pose = motion_track(
        clip.label,
        clip.num_frames,
        spec.fps,
        WEAK_MOTION if clip.video_weak else 1.0,
        video_rng,
    )
    frames = render_video(
        pose, style, clip.video_cue, spec.tint, spec.size, video_rng
    )
    style = blend_styles(AUDIO_STYLES, clip.domain, spec.audio_shift)
    samples = round(clip.num_frames / spec.fps * spec.sample_rate)
    source = sound_source(
        clip.label, samples, spec.sample_rate, style, audio_rng
    )
    wave = render_audio(
        source,
        style,
        clip.audio_cue,
        spec.hum,
        WEAK_SOUND if clip.audio_weak else 1.0,
        spec.sample_rate,
        audio_rng,
    )
    return frames, wave
