# Copyright (c) mmgmp authors.
from collections.abc import Callable

import numpy as np

from .spec import CLASSES

Pose = dict[str, np.ndarray]
TAU = 2 * np.pi


def _breathe(t: np.ndarray, rng: np.random.Generator) -> Pose:
    wave = np.sin(TAU * 0.4 * t + rng.uniform(0, TAU))
    return dict(sx=0.06 * wave, sy=0.06 * wave)


def _twitch(t: np.ndarray, rng: np.random.Generator) -> Pose:
    hold = (t / 0.2).astype(int)
    steps = rng.uniform(-1, 1, size=(3, hold.max() + 1))[:, hold]
    return dict(x=0.05 * steps[0], y=0.05 * steps[1], angle=0.3 * steps[2])


def _bob(t: np.ndarray, rng: np.random.Generator) -> Pose:
    wave = np.sin(TAU * 1.7 * t + rng.uniform(0, TAU))
    return dict(y=0.16 * wave, sy=0.1 * wave)


def _tilt(t: np.ndarray, rng: np.random.Generator) -> Pose:
    lift = (1 - np.cos(TAU * 0.6 * t + rng.uniform(0, TAU))) / 2
    return dict(angle=rng.choice([-1, 1]) * 1.4 * lift, y=-0.06 * lift)


def _sway(t: np.ndarray, rng: np.random.Generator) -> Pose:
    phase = rng.uniform(0, TAU)
    wave = np.sin(TAU * 0.6 * t + phase)
    return dict(
        x=0.26 * wave,
        y=0.07 * np.sin(TAU * 1.2 * t + 2 * phase),
        angle=0.5 * np.cos(TAU * 0.6 * t + phase),
    )


def _dash(t: np.ndarray, rng: np.random.Generator) -> Pose:
    # A figure that leaves on one side re-enters on the other.
    travel = rng.choice([-1, 1]) * 1.3 * t + rng.uniform(0, 1.4)
    return dict(
        x=np.mod(travel + 0.7, 1.4) - 0.7,
        y=-0.07 * np.abs(np.sin(TAU * 1.5 * t)),
        angle=0.2 * np.sin(TAU * 1.5 * t),
    )


def _swing(t: np.ndarray, rng: np.random.Generator) -> Pose:
    # A door on its hinge: narrow when shut, wide when open.
    side = rng.choice([-1, 1])
    opening = (1 - np.cos(TAU * 0.5 * t + rng.uniform(0, TAU))) / 2
    return dict(sx=1.3 * opening - 0.6, x=side * 0.15 * (opening - 0.5))


MOTIONS: dict[str, Callable[[np.ndarray, np.random.Generator], Pose]] = dict(
    zip(CLASSES, (_breathe, _twitch, _bob, _tilt, _sway, _dash, _swing))
)


def motion_track(
    label: int,
    num_frames: int,
    fps: float,
    strength: float,
    rng: np.random.Generator,
) -> Pose:
    """Pose of the figure over time: the class signal of the video.

    Args:
        label: Class index.
        num_frames: Number of frames T.
        fps: Frames per second.
        strength: Factor on the whole motion; 1 is normal.
        rng: Draws tempo, phase, direction and place.

    Returns:
        ``x`` and ``y`` (centre, as a fraction of the frame, from its middle),
        ``angle`` (radians), ``sx`` and ``sy`` (relative width and height), all
        of shape (T,).
    """
    tempo = rng.uniform(0.85, 1.2)
    amplitude = strength * rng.uniform(0.85, 1.15)
    seconds = np.arange(num_frames) / fps * tempo
    moves = MOTIONS[CLASSES[label]](seconds, rng)
    place = dict(
        x=rng.uniform(-0.1, 0.1),
        y=rng.uniform(-0.1, 0.1),
        angle=rng.uniform(-0.25, 0.25),
        sx=1.0,
        sy=1.0,
    )
    still = np.zeros(num_frames)
    return {
        key: base + amplitude * moves.get(key, still)
        for key, base in place.items()
    }
