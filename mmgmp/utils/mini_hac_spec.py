# Copyright (c) mmgmp authors.
import hashlib
import json
import math
from dataclasses import asdict, dataclass

# Increase this whenever the same spec no longer gives the same media.
GENERATOR_VERSION = 1

_FRACTIONS = (
    'video_weak',
    'audio_weak',
    'video_cue',
    'audio_cue',
    'tint',
    'hum',
    'video_shift',
    'audio_shift',
)
_COUNTS = ('train_clips', 'test_clips', 'size', 'fps', 'sample_rate')


@dataclass(frozen=True)
class MiniHACSpec:
    """Parameters that determine the content of a MiniHAC data set.

    Args:
        seed: Seed of every clip. Defaults to 0.
        train_clips: Training clips of each class and domain.
            Defaults to 16.
        test_clips: Test clips of each class and domain.
            Defaults to 24.
        size: Frame height and width in pixels, even. Defaults to 96.
        fps: Frames per second. Defaults to 24.
        min_seconds: Shortest clip. Defaults to 2.0.
        max_seconds: Longest clip. Defaults to 3.0.
        sample_rate: Audio samples per second. Defaults to 16000.
        video_weak: Probability that the motion of a clip is too faint to
            show its class.
        audio_weak: Probability that background noise covers the sound of a
            clip.
        video_cue: Probability that the background tint follows the class (by
            the assignment of the domain); otherwise the tint is uniformly
            random.
        audio_cue: The same for the pitch of the hum.
        tint: Share of the tint in the background colour.
        hum: RMS of the hum, relative to the sound.
        video_shift: Distance between the visual styles of the
            domains: 0 is one common style, 1 the full styles.
        audio_shift: The same for the acoustic styles.

    Raises:
        ValueError: If a value is outside its range.
    """

    seed: int = 0
    train_clips: int = 16
    test_clips: int = 24
    size: int = 96
    fps: int = 24
    min_seconds: float = 2.0
    max_seconds: float = 3.0
    sample_rate: int = 16000
    video_weak: float = 0.05
    audio_weak: float = 0.1
    video_cue: float = 0.65
    audio_cue: float = 0.65
    tint: float = 0.2
    hum: float = 0.4
    video_shift: float = 1.0
    audio_shift: float = 1.0

    def __post_init__(self):
        for name in (*_FRACTIONS, 'min_seconds', 'max_seconds'):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ValueError(
                    f'{name} must be a finite number, got {value!r}'
                )
        for name in _FRACTIONS:
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(
                    f'{name} must be between 0 and 1, got {value}'
                )
        for name in _COUNTS:
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ValueError(
                    f'{name} must be a positive integer, got {value!r}'
                )
        if type(self.seed) is not int or self.seed < 0:
            raise ValueError(
                f'seed must be a non-negative integer, got {self.seed!r}'
            )
        if self.size % 2:
            raise ValueError(
                f'size must be even (yuv420p video), got {self.size}'
            )
        if not 0 < self.min_seconds <= self.max_seconds:
            raise ValueError(
                'min_seconds and max_seconds must satisfy 0 < min_seconds '
                f'<= max_seconds, got {self.min_seconds} and '
                f'{self.max_seconds}'
            )

    def num_clips(self, split: str) -> int:
        """Number of clips of each class and domain in ``split``."""
        return self.train_clips if split == 'train' else self.test_clips

    def fingerprint(self) -> str:
        """Hex digest. Specs with equal digests give the same media."""
        text = json.dumps(
            dict(asdict(self), version=GENERATOR_VERSION), sort_keys=True
        )
        return hashlib.sha256(text.encode()).hexdigest()
