# Copyright (c) mmgmp authors.
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from ..frame_folder import FrameFolderReader, frame_paths
from ..media import CorruptMediaError
from ..released_indexing import ReleasedIndexing
from ..video_reader import VideoReader


@TRANSFORMS.register_module()
class OpenVideo(BaseTransform):
    """Open a video file or a folder of frames, without decoding it.

    It stands where MMAction2's pipelines have an ``Init``;
    :class:`~mmgmp.datasets.DecodeFrames` then decodes the frames that
    ``SampleFrames`` chose, and no others.

    An item with ``alignment='as_released'`` has the frames of a file numbered
    as in the published code, see :class:`~mmgmp.datasets.ReleasedIndexing`.
    There is no such shift in folders of frames.

    Required keys:

        - filename (str): Video file, or
        - frame_dir, filename_tmpl, start_index, total_frames: Folder, pattern
          of the file names, number of the first frame, number of frames.
        - alignment (str, optional): ``'true_fps'`` (the default) or
          ``'as_released'``.

    Added keys:

        - video_reader: Taken by :class:`~mmgmp.datasets.DecodeFrames`.
        - total_frames (int): Frames of a file.
        - avg_fps (float): Frames per second of a file.

    Raises:
        CorruptMediaError: (a call) If the file is missing, empty or
            truncated, is no video or has too few frames.
    """

    def transform(self, results: dict) -> dict:
        """Open the file, or list the frames."""
        if 'frame_dir' in results:
            results['video_reader'] = FrameFolderReader(frame_paths(results))
            return results
        reader = VideoReader(results['filename'])
        add_reader(results, reader, results['filename'])
        return results


def add_reader(results: dict, reader, name: str) -> None:
    """Add the reader of a file, its length and its frame rate to an item.

    Raises:
        CorruptMediaError: If it has no frame.
    """
    if results.get('alignment') == 'as_released':
        reader = ReleasedIndexing(reader)
    if not len(reader):
        raise CorruptMediaError(f'media file {name} has too few frames')
    results['video_reader'] = reader
    results['total_frames'] = len(reader)
    results['avg_fps'] = reader.frame_rate
