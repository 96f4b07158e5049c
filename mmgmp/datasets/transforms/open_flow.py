# Copyright (c) mmgmp authors.
import os

from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from ..flow_reader import FlowReader
from ..frame_folder import FrameFolderReader, frame_paths
from ..video_reader import VideoReader
from .open_video import add_reader


@TRANSFORMS.register_module()
class OpenFlow(BaseTransform):
    """Open optical flow, two grey videos or two folders of frames.

    It opens the transforms of :class:`~mmgmp.datasets.FlowBranch`, and
    :class:`~mmgmp.datasets.DecodeFrames` decodes frames (H, W, 2). With
    ``alignment='as_released'`` videos are read as
    :class:`~mmgmp.datasets.OpenVideo` says.

    Required keys:

        - flow_paths (tuple[str]): Videos of the horizontal and the vertical
          component, or
        - flow_dir, filename_tmpl, flow_start_index, flow_total_frames: Folder
          that holds the folders ``u`` and ``v``, pattern of the file names,
          number of the first frame, number of frames.
        - alignment (str, optional): ``'true_fps'`` (the default) or
          ``'as_released'``.

    Added keys:

        - video_reader: Taken by :class:`~mmgmp.datasets.DecodeFrames`.
        - total_frames (int): Number of frames.
        - start_index (int): 0.
        - modality (str): 'Flow'.
        - avg_fps (float): Frames per second of the videos.

    Raises:
        CorruptMediaError: (a call) If a file is missing, empty or truncated,
            is no video or has too few frames.
    """

    def transform(self, results: dict) -> dict:
        """Open the files, or list the frames."""
        results['start_index'] = 0
        results['modality'] = 'Flow'
        if 'flow_dir' in results:
            results['video_reader'] = _open_folders(results)
            results['total_frames'] = results['flow_total_frames']
            return results
        x, y = results['flow_paths']
        add_reader(results, FlowReader(VideoReader(x), VideoReader(y), x), x)
        return results


def _open_folders(results: dict) -> FlowReader:
    components = []
    for name in ('u', 'v'):
        item = dict(
            frame_dir=os.path.join(results['flow_dir'], name),
            filename_tmpl=results['filename_tmpl'],
            start_index=results['flow_start_index'],
            total_frames=results['flow_total_frames'],
        )
        components.append(FrameFolderReader(frame_paths(item), grey=True))
    return FlowReader(*components, results['flow_dir'])
