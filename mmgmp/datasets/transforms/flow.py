# Copyright (c) mmgmp authors.
from collections.abc import Callable, Sequence

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform, Compose

from ..media.flow import FlowReader
from ..media.frames import FrameFolderReader, flow_frame_paths
from ..media.video import VideoReader
from .video import add_reader

_ITEM_KEYS = (
    'alignment',
    'filename_tmpl',
    'flow_dir',
    'flow_paths',
    'flow_start_index',
    'flow_total_frames',
)


@TRANSFORMS.register_module()
class FlowBranch(BaseTransform):
    """Run transforms on the optical flow of an item, separately from RGB.

    The transforms get only the keys that locate the flow, and only the keys
    below are taken from their result. Therefore the flow is sampled, cropped
    and flipped independently of the RGB frames, as in the published code.

    Required keys:

        - those of :class:`OpenFlow`.

    Added keys:

        - flow (np.ndarray): (M, 2, T, H, W) uint8 after ``FormatShape``; the
          model's data preprocessor converts it to floats.
        - flow_frame_inds (np.ndarray): Indices of the sampled frames, from 0.
        - flow_fps (float): Frames per second, or None for folders of frames.

    Args:
        transforms: Transforms or their configs. Use :class:`FlipFlow` instead
            of ``Flip``.

    Example::

        dict(
            type='FlowBranch',
            transforms=[
                dict(type='OpenFlow'),
                dict(type='SampleFrames', clip_len=8, frame_interval=4),
                dict(type='DecodeFrames'),
                dict(type='Resize', scale=(-1, 256)),
                dict(type='RandomResizedCrop'),
                dict(type='Resize', scale=(224, 224), keep_ratio=False),
                dict(type='FlipFlow'),
                dict(type='FormatShape', input_format='NCTHW'),
            ])
    """

    def __init__(self, transforms: Sequence[dict | Callable]) -> None:
        self.transforms = Compose(transforms)

    def transform(self, results: dict) -> dict:
        """Add the flow."""
        branch = {k: results[k] for k in _ITEM_KEYS if k in results}
        branch = self.transforms(branch)
        results['flow'] = branch['imgs']
        results['flow_frame_inds'] = branch['frame_inds']
        results['flow_fps'] = branch.get('avg_fps')
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(transforms={self.transforms})'


@TRANSFORMS.register_module()
class OpenFlow(BaseTransform):
    """Open optical flow: two grey videos or two folders of frames.

    It is the first transform of :class:`FlowBranch`. :class:`DecodeFrames`
    then decodes frames (H, W, 2). With ``alignment='as_released'`` videos are
    read as :class:`OpenVideo` describes.

    Required keys:

        - flow_paths (tuple[str, str]): Videos of the horizontal and the
          vertical component, or
        - flow_dir, filename_tmpl, flow_start_index, flow_total_frames: Folder
          that holds the folders ``u`` and ``v``, pattern of the file names,
          number of the first frame, number of frames.
        - alignment (str, optional): ``'true_fps'`` (the default) or
          ``'as_released'``.

    Added keys:

        - video_reader: For :class:`DecodeFrames`.
        - total_frames (int): Number of frames.
        - start_index (int): 0.
        - modality (str): 'Flow'.
        - avg_fps, frame_times: Frames per second of the videos, and when
          their frames are shown.

    Raises:
        CorruptMediaError: When called, if a file is missing, empty or
            truncated, is not a video or has too few frames.
    """

    def transform(self, results: dict) -> dict:
        """Open the files, or list the frames."""
        results['start_index'] = 0
        results['modality'] = 'Flow'
        if 'flow_dir' not in results:
            x, y = results['flow_paths']
            horizontal = VideoReader(x)
            reader = FlowReader(horizontal, VideoReader(y), x)
            add_reader(results, reader, x, horizontal.frame_times)
            return results
        u, v = flow_frame_paths(results)
        results['video_reader'] = FlowReader(
            FrameFolderReader(u, grey=True),
            FrameFolderReader(v, grey=True),
            results['flow_dir'],
        )
        results['total_frames'] = results['flow_total_frames']
        return results


@TRANSFORMS.register_module()
class FlipFlow(BaseTransform):
    """Flip optical flow from left to right with a given probability.

    The horizontal component changes its sign: ``x -> 255 - x`` in grey levels.
    MMAction2's ``Flip`` expects the two components as alternating frames, so
    it would invert every second two-channel frame.

    Required keys:

        - imgs (list[np.ndarray]): Frames (H, W, 2) uint8, horizontal and
          vertical component.

    Modified keys:

        - imgs

    Added keys:

        - flip (bool): Whether the frames were flipped.

    Args:
        flip_ratio: Probability of a flip.

    Raises:
        ValueError: If ``flip_ratio`` is not a probability.
    """

    def __init__(self, flip_ratio: float = 0.5) -> None:
        if not 0 <= flip_ratio <= 1:
            raise ValueError(
                f'`flip_ratio` must be from 0 to 1, got {flip_ratio}'
            )
        self.flip_ratio = flip_ratio

    def transform(self, results: dict) -> dict:
        """Flip all frames, or none."""
        results['flip'] = bool(np.random.rand() < self.flip_ratio)
        if results['flip']:
            results['imgs'] = [_mirror(image) for image in results['imgs']]
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(flip_ratio={self.flip_ratio})'


def _mirror(image: np.ndarray) -> np.ndarray:
    image = np.ascontiguousarray(image[:, ::-1])
    image[..., 0] = 255 - image[..., 0]
    return image
