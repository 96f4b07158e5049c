# Copyright (c) mmgmp authors.
from collections.abc import Callable, Sequence

from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform, Compose

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
    """Run transforms on the optical flow of an item, beside those on RGB.

    The transforms see only where the flow lies, and what they add is theirs
    alone: its frames are sampled, cropped and flipped independently of the
    RGB frames, as in the published code.

    Required keys:

        - those of :class:`~mmgmp.datasets.OpenFlow`.

    Added keys:

        - flow (np.ndarray): (M, 2, T, H, W) uint8 after ``FormatShape``; the
          model's data preprocessor turns it into floats.
        - flow_frame_inds (np.ndarray): Indices of the sampled frames, from 0.
        - flow_fps (float): Frames per second, or None in folders of frames.

    Args:
        transforms: Transforms or their configs.
            :class:`~mmgmp.datasets.FlipFlow` stands for ``Flip``.

    Example:
        >>> dict(
        ...     type='FlowBranch',
        ...     transforms=[
        ...         dict(type='OpenFlow'),
        ...         dict(type='SampleFrames', clip_len=8, frame_interval=4),
        ...         dict(type='DecodeFrames'),
        ...         dict(type='Resize', scale=(-1, 256)),
        ...         dict(type='RandomResizedCrop'),
        ...         dict(type='Resize', scale=(224, 224), keep_ratio=False),
        ...         dict(type='FlipFlow'),
        ...         dict(type='FormatShape', input_format='NCTHW'),
        ...     ])
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
