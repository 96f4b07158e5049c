# Copyright (c) mmgmp authors.
"""Convert decoded frames to images, upright as players show them."""

from collections.abc import Mapping
from logging import WARNING
from typing import cast

import mmcv
import numpy as np
from av.buffer import Buffer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from mmengine.logging import print_log

from .container import decode, naming, open_container, video_stream

# Sine of the angle by which a quarter turn may be inexact, 1 degree as in
# FFmpeg.
_TOLERANCE = 0.0175
_UPRIGHT = (1, 0, 0, 1)


def display_matrix(frame: VideoFrame) -> tuple[int, ...]:
    """Get the upper left 2 x 2 part of the display matrix of a frame.

    Phones store the frames as their camera lies, and the matrix in the file
    tells a player to turn or to mirror them.

    Returns:
        ``(a, b, c, d)``: a player shows the pixel ``(x, y)`` at
        ``(a x + c y, b x + d y)``, up to a shift and a factor.
    """
    data = cast('Mapping[str, Buffer]', frame.side_data).get('DISPLAYMATRIX')
    if data is None:
        return _UPRIGHT
    values = np.frombuffer(bytes(data), np.int32).tolist()
    return values[0], values[1], values[3], values[4]


def read_display_matrix(path: str) -> tuple[int, ...]:
    """Read the :func:`display_matrix` of the first frame of a file.

    Raises:
        CorruptMediaError: If the file cannot be read or has no video.
    """
    with open_container(path) as container, naming(path):
        stream, _ = video_stream(container, path)
        for frame in decode(container, stream, path):
            return display_matrix(frame)
    return _UPRIGHT


def upright(
    image: np.ndarray, matrix: tuple[int, ...], path: str
) -> np.ndarray:
    """Turn and mirror an image as a display matrix says.

    All eight orientations of the sides are applied, as FFmpeg does. Another
    angle is ignored with a warning.

    Args:
        image: Stored image (H, W, C).
        matrix: Result of :func:`display_matrix`.
        path: File of the image, for the warning.

    Returns:
        (H, W, C), or (W, H, C) after a quarter turn; ``image`` itself if
        there is nothing to do.
    """
    if matrix == _UPRIGHT:
        return image
    a, b, c, d = matrix
    if max(abs(b), abs(c)) <= _TOLERANCE * min(abs(a), abs(d)):
        across, down = a, d
    elif max(abs(a), abs(d)) <= _TOLERANCE * min(abs(b), abs(c)):
        image = image.swapaxes(0, 1)
        across, down = c, b
    else:
        print_log(
            f'{path} asks players to turn it by an angle that is no multiple '
            'of 90 degrees, or to distort it: it is used as it is stored',
            logger='current',
            level=WARNING,
        )
        return image
    if across < 0:
        image = image[:, ::-1]
    if down < 0:
        image = image[::-1]
    return np.ascontiguousarray(image)


def to_rgb(
    convert: VideoReformatter,
    frame: VideoFrame,
    path: str,
    short_side: int | None = None,
) -> np.ndarray:
    """Convert a frame to an upright image (H, W, 3) uint8.

    Args:
        convert: Converter, which is reused.
        frame: Decoded frame.
        path: Its file, for a warning.
        short_side: Resize the shorter side to this number of pixels.
    """
    image = convert.reformat(frame, format='rgb24', threads=1).to_ndarray()
    if short_side is not None:
        height, width = image.shape[:2]
        size = mmcv.rescale_size((width, height), (np.inf, short_side))
        image = _resize(image, size)
    return upright(image, display_matrix(frame), path)


def as_first(images: list[np.ndarray]) -> list[np.ndarray]:
    """Resize images to the size of the first one."""
    height, width = images[0].shape[:2]
    return [
        image
        if image.shape == images[0].shape
        else _resize(image, (width, height))
        for image in images
    ]


def _resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return mmcv.imresize(image, size, interpolation='bilinear')
