# Copyright (c) mmgmp authors.
import colorsys
import math
from dataclasses import dataclass, fields

import cv2
import numpy as np

from .motion import Pose
from .spec import CLASSES


@dataclass(frozen=True)
class VideoStyle:
    """Visual style of a domain, unrelated to the class.

    Colours are RGB in [0, 1].

    Args:
        background: Base colour of the scene.
        sprite: Base colour of the figure.
        texture: Contrast of the background texture.
        grain: Grain size of the texture, as a fraction of the frame.
        squareness: Exponent of the superellipse: 2 is an ellipse, larger
            values are closer to a rectangle.
        length: Ratio of height to width of the figure.
        scale: Half width of the figure, as a fraction of the frame.
        outline: Darkness of the contour line.
        blur: Standard deviation of the lens blur, in pixels.
        noise: Standard deviation of the sensor noise.
        shake: Standard deviation of the camera shake, as a fraction of the
            frame.
    """

    background: tuple
    sprite: tuple
    texture: float
    grain: float
    squareness: float
    length: float
    scale: float
    outline: float
    blur: float
    noise: float
    shake: float


VIDEO_STYLES = dict(
    human=VideoStyle(
        background=(0.28, 0.23, 0.20),
        sprite=(0.70, 0.56, 0.47),
        texture=0.15,
        grain=0.3,
        squareness=2.5,
        length=1.7,
        scale=0.15,
        outline=0.1,
        blur=1.0,
        noise=0.065,
        shake=0.01,
    ),
    animal=VideoStyle(
        background=(0.30, 0.42, 0.22),
        sprite=(0.80, 0.72, 0.45),
        texture=0.18,
        grain=0.08,
        squareness=2.0,
        length=1.4,
        scale=0.18,
        outline=0.0,
        blur=0.4,
        noise=0.03,
        shake=0.015,
    ),
    cartoon=VideoStyle(
        background=(0.35, 0.50, 0.75),
        sprite=(0.95, 0.80, 0.25),
        texture=0.02,
        grain=0.5,
        squareness=4.0,
        length=1.6,
        scale=0.165,
        outline=0.9,
        blur=0.0,
        noise=0.0,
        shake=0.0,
    ),
)


def blend_styles(styles: dict, domain: str, shift: float):
    """Style of ``domain``, moved towards the mean of all styles.

    Args:
        styles: Domain name -> style, all of the same dataclass.
        domain: Name of the domain.
        shift: 0 gives the mean style, 1 the domain's own style.
    """
    kind = type(styles[domain])
    values = {}
    for field in fields(kind):
        column = {
            d: np.array(getattr(s, field.name), dtype=float)
            for d, s in styles.items()
        }
        mean = np.mean(list(column.values()), axis=0)
        mixed = mean + shift * (column[domain] - mean)
        values[field.name] = mixed.tolist()
    return kind(**values)


def _noise_field(
    size: int, grain: float, rng: np.random.Generator
) -> np.ndarray:
    """Smooth noise of shape (size, size), zero mean, unit deviation."""
    cells = max(2, round(1 / grain))
    coarse = rng.standard_normal((cells, cells)).astype(np.float32)
    smooth = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    return (smooth - smooth.mean()) / (smooth.std() + 1e-6)


def _walk(
    num_frames: int, scale: float, rng: np.random.Generator
) -> np.ndarray:
    """Mean-reverting random walk of shape (T, 2) with deviation scale."""
    steps = rng.standard_normal((num_frames, 2)) * scale
    path = np.empty_like(steps)
    place = np.zeros(2)
    for i, step in enumerate(steps):
        place = 0.8 * place + 0.6 * step
        path[i] = place
    return path


def tint_color(cue: int) -> np.ndarray:
    """RGB colour of tint number ``cue``; there is one hue per class."""
    hue = cue / len(CLASSES)
    return np.array(colorsys.hsv_to_rgb(hue, 1.0, 1.0), dtype=np.float32)


def _draw_figure(
    place: dict,
    style: VideoStyle,
    width: float,
    color: np.ndarray,
    axis: np.ndarray,
) -> tuple:
    """Coverage (H, W) and colour (H, W, 3) of the figure in one frame."""
    x = axis[None, :] - place['x']
    y = axis[:, None] - place['y']
    cos, sin = math.cos(place['angle']), math.sin(place['angle'])
    u = (cos * x + sin * y) / (width * max(place['sx'], 0.15))
    v = (cos * y - sin * x) / (width * style.length * max(place['sy'], 0.15))
    power = style.squareness
    radius = (np.abs(u) ** power + np.abs(v) ** power) ** (1 / power)
    depth = (1 - radius) * (width * len(axis))  # pixels, about
    mask = np.clip(depth + 0.5, 0, 1)
    # The upper third is lighter, so that rotation is visible.
    shade = 1 + 0.35 * np.clip(-3 * v - 1, 0, 1)
    shade *= 1 - style.outline * np.clip(1 - depth / 3, 0, 1)
    return mask, np.minimum(color * shade[..., None], 1)


def render_video(
    pose: Pose,
    style: VideoStyle,
    cue: int,
    cue_strength: float,
    size: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw a moving figure in the style of a domain.

    Args:
        pose: Result of :func:`motion_track`.
        style: Style of the domain.
        cue: Number of the background tint.
        cue_strength: Share of the tint in the background colour.
        size: Height and width in pixels.
        rng: Draws texture, colours, noise and shake.

    Returns:
        RGB frames of shape (T, size, size, 3), uint8.
    """
    num_frames = len(pose['x'])
    shake = np.rint(_walk(num_frames, style.shake, rng) * size).astype(int)
    margin = max(1, int(abs(shake).max()))
    wide = size + 2 * margin

    ground = np.array(style.background) + rng.uniform(-0.08, 0.08, 3)
    ground = (1 - cue_strength) * ground + cue_strength * tint_color(cue)
    relief = 1 + style.texture * _noise_field(wide, style.grain, rng)
    scene = np.clip(ground * relief[..., None], 0, 1).astype(np.float32)
    color = np.array(style.sprite) + rng.uniform(-0.08, 0.08, 3)
    color = np.clip(color, 0, 1).astype(np.float32)
    width = style.scale * float(rng.uniform(0.9, 1.15))

    axis = ((np.arange(size) + 0.5) / size - 0.5).astype(np.float32)
    frames = np.empty((num_frames, size, size, 3), dtype=np.float32)
    for i, (dy, dx) in enumerate(shake):
        top, left = margin - dy, margin - dx
        view = scene[top : top + size, left : left + size]
        place = {key: float(track[i]) for key, track in pose.items()}
        place['x'] += dx / size
        place['y'] += dy / size
        mask, paint = _draw_figure(place, style, width, color, axis)
        frame = view + mask[..., None] * (paint - view)
        if style.blur > 0.1:
            frame = cv2.GaussianBlur(frame, (0, 0), style.blur)
        frames[i] = frame
    frames += style.noise * rng.standard_normal(frames.shape, dtype=np.float32)
    return np.rint(np.clip(frames, 0, 1) * 255).astype(np.uint8)
