# Copyright (c) mmgmp authors.
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from ..media import read_video


@TRANSFORMS.register_module()
class LoadVideo(BaseTransform):
    """Decode a whole video file by PyAV.

    It stands where MMAction2's pipelines have an ``Init``, and the frames
    that ``SampleFrames`` chooses are then taken by
    :class:`~mmgmp.datasets.SelectFrames`. The pixels are those of
    ``PyAVInit`` and ``PyAVDecode``. It is meant for clips of a few seconds,
    inside :class:`~mmgmp.datasets.CachedTransforms`; in a long video most of
    the frames would be decoded in vain.

    Required keys:

        - filename

    Added keys:

        - array (np.ndarray): RGB frames (T, H, W, 3) uint8.
        - total_frames (int): T.
        - avg_fps (float): Frames per second of the file.

    Args:
        short_side: Length in pixels to which the shorter side is resized, as
            by MMAction2's ``Resize(scale=(-1, short_side))``; it bounds the
            memory of a cache. None keeps the size.

    Raises:
        ValueError: If ``short_side`` is not positive.
        CorruptMediaError: (a call) If the file is missing, empty or
            truncated, or cannot be decoded.
    """

    def __init__(self, short_side: int | None = None) -> None:
        if short_side is not None and short_side < 1:
            raise ValueError(
                '`short_side` must be a positive number of pixels or None, '
                f'got {short_side}'
            )
        self.short_side = short_side

    def transform(self, results: dict) -> dict:
        """Decode ``results['filename']``."""
        array, rate = read_video(results['filename'], self.short_side)
        results['array'] = array
        results['total_frames'] = len(array)
        results['avg_fps'] = float(rate)
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(short_side={self.short_side})'
