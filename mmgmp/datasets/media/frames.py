# Copyright (c) mmgmp authors.
"""Read videos that are stored as folders of images."""

import os
from collections.abc import Mapping, Sequence

import mmcv
import numpy as np

from .container import CorruptMediaError

# The decoder fills the missing part of a truncated file with grey, without an
# error.
_JPEG_BEGIN, _JPEG_END = b'\xff\xd8', b'\xff\xd9'


def frame_paths(data_info: Mapping) -> list[str]:
    """List the files of the frames of an item that has ``frame_dir``.

    Example:
        >>> item = dict(
        ...     frame_dir='P08_01',
        ...     filename_tmpl='frame_{:010d}.jpg',
        ...     start_index=31,
        ...     total_frames=2)
        >>> frame_paths(item)
        ['P08_01/frame_0000000031.jpg', 'P08_01/frame_0000000032.jpg']
    """
    first = data_info['start_index']
    return [
        os.path.join(
            data_info['frame_dir'], data_info['filename_tmpl'].format(number)
        )
        for number in range(first, first + data_info['total_frames'])
    ]


def flow_frame_paths(data_info: Mapping) -> list[list[str]]:
    """List the files of both flow components of an item with ``flow_dir``."""
    return [
        frame_paths(
            dict(
                frame_dir=os.path.join(data_info['flow_dir'], component),
                filename_tmpl=data_info['filename_tmpl'],
                start_index=data_info['flow_start_index'],
                total_frames=data_info['flow_total_frames'],
            )
        )
        for component in 'uv'
    ]


def read_frame(path: str, grey: bool = False) -> np.ndarray:
    """Read an image as MMAction2's ``RawFrameDecode`` does.

    Args:
        path: Image file.
        grey: Whether to read one grey channel instead of RGB.

    Returns:
        (H, W, 3) or (H, W) uint8.

    Raises:
        CorruptMediaError: If the file is missing, empty, truncated or
            undecodable.
    """
    try:
        with open(path, 'rb') as file:
            content = file.read()
    except OSError as error:
        raise CorruptMediaError(
            f'media file {path} does not exist or cannot be read: {error}'
        ) from error
    if content[:2] == _JPEG_BEGIN and _JPEG_END not in content[-1024:]:
        raise CorruptMediaError(f'media file {path} is truncated')
    image = None
    if content:
        image = mmcv.imfrombytes(
            content,
            flag='grayscale' if grey else 'color',
            channel_order='rgb',
            backend='cv2',
        )
    if image is None or not len(image):
        raise CorruptMediaError(f'media file {path} cannot be decoded')
    return image


class FrameFolderReader:
    """Reader of a video whose frames are image files.

    Args:
        paths: Image files in the order of the frames.
        grey: Whether to read one grey channel instead of RGB.
    """

    frame_rate = None

    def __init__(self, paths: Sequence[str], grey: bool = False) -> None:
        self.paths = paths
        self.grey = grey

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.paths)

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        """Read frames by their indices from 0, each file once.

        Raises:
            CorruptMediaError: See :func:`read_frame`.
        """
        images = {i: read_frame(self.paths[i], self.grey) for i in {*indices}}
        return [images[i].copy() for i in indices]

    def close(self) -> None:
        """Do nothing: no file stays open."""
