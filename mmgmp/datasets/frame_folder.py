# Copyright (c) mmgmp authors.
"""Reading of videos that are folders of image files."""

import os
from collections.abc import Sequence

import mmcv
import numpy as np

from .media import CorruptMediaError

# The decoder fills what a truncated file lacks with grey, without complaint.
_JPEG_BEGIN, _JPEG_END = b'\xff\xd8', b'\xff\xd9'


def frame_paths(data_info: dict) -> list[str]:
    """Files of the frames of an item that has ``frame_dir``."""
    first = data_info['start_index']
    return [
        os.path.join(
            data_info['frame_dir'], data_info['filename_tmpl'].format(number)
        )
        for number in range(first, first + data_info['total_frames'])
    ]


def read_frame(path: str, grey: bool = False) -> np.ndarray:
    """Read an image as MMAction2's ``RawFrameDecode`` does.

    Args:
        path: Image file.
        grey: Whether to read one channel of grey instead of RGB.

    Returns:
        (H, W, 3) or (H, W) uint8.

    Raises:
        CorruptMediaError: If the file is missing, empty or undecodable.
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
    flag = 'grayscale' if grey else 'color'
    image = content and mmcv.imfrombytes(
        content, flag=flag, channel_order='rgb', backend='cv2'
    )
    if image is None or not len(image):
        raise CorruptMediaError(f'media file {path} cannot be decoded')
    return image


class FrameFolderReader:
    """The frames of a video as files, read one by one.

    Args:
        paths: Image files in their order.
        grey: Whether to read one channel of grey instead of RGB.
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
            CorruptMediaError: If a file is missing, empty or undecodable.
        """
        images = {i: read_frame(self.paths[i], self.grey) for i in {*indices}}
        return [images[i].copy() for i in indices]

    def close(self) -> None:
        """Do nothing: no file stays open."""
