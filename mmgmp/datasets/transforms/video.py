# Copyright (c) mmgmp authors.
import math

from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from mmgmp.released.alignment import ReleasedIndexing, is_released
from mmgmp.utils.frame_reader import FrameReader

from ..media.container import CorruptMediaError
from ..media.frames import FrameFolderReader, frame_paths
from ..media.in_memory import VideoInMemory
from ..media.resampling import ResampledReader
from ..media.segments import SegmentReader
from ..media.times import FrameTimes
from ..media.video import VideoReader


@TRANSFORMS.register_module()
class OpenVideo(BaseTransform):
    """Open a video file or a folder of frames.

    It replaces ``Init`` transforms such as ``PyAVInit`` of MMAction2.
    :class:`DecodeFrames` then decodes only the frames that ``SampleFrames``
    has chosen.

    ``in_memory=True`` decodes the whole file at once instead. It is meant for
    clips of a few seconds inside :class:`CachedTransforms`: only the first
    epoch decodes the files, and each epoch samples other frames of them. In a
    long video, most of the decoded frames would not be used.

    For an item with ``clip_start`` or ``clip_stop``, only the frames between
    these times exist, see :class:`~mmgmp.datasets.ClipsDataset`. They count
    from 0, and :class:`LoadAudio` finds their sound in the long file.

    For an item with ``alignment='as_released'``,
    :class:`~mmgmp.released.alignment.ReleasedIndexing` numbers the frames of a
    file as in the published code. Frames in folders are not renumbered.

    Required keys:

        - filename (str): Video file, or
        - frame_dir, filename_tmpl, start_index, total_frames: Folder, pattern
          of the file names, number of the first frame, number of frames.
        - clip_start, clip_stop (float, optional): Part of a file in seconds
          after its first frame.
        - alignment (str, optional): ``'true_fps'`` (the default) or
          ``'as_released'``.

    Added keys:

        - video_reader: For :class:`DecodeFrames`.
        - total_frames (int): Frames of a file.
        - avg_fps (float): Frames per second of a file.
        - frame_times (FrameTimes): When the frames of a file are shown, for
          :class:`LoadAudio`.

    Args:
        in_memory: Whether to decode the whole file at once.
        short_side: With ``in_memory``, resize the shorter side to this number
            of pixels, as MMAction2's ``Resize(scale=(-1, short_side))`` does,
            to save memory. None keeps the size.

    Raises:
        ValueError: If ``short_side`` is not positive or is given without
            ``in_memory``, or, when called, if ``in_memory`` is used on a
            folder of frames.
        CorruptMediaError: When called, if the file is missing, empty or
            truncated, is not a video or has too few frames; with ``in_memory``
            also if it cannot be decoded.
    """

    def __init__(
        self, in_memory: bool = False, short_side: int | None = None
    ) -> None:
        if short_side is not None and (short_side < 1 or not in_memory):
            raise ValueError(
                '`short_side` must be a positive number of pixels together '
                'with `in_memory=True`, or None; got '
                f'short_side={short_side}, in_memory={in_memory}'
            )
        self.in_memory = in_memory
        self.short_side = short_side

    def transform(self, results: dict) -> dict:
        """Open the file, or list the frames."""
        if 'frame_dir' in results:
            if self.in_memory:
                raise ValueError(
                    '`in_memory=True` is for video files, got the folder of '
                    f'frames {results["frame_dir"]}: remove it'
                )
            results['video_reader'] = FrameFolderReader(frame_paths(results))
            return results
        path = results['filename']
        part = results.get('clip_start'), results.get('clip_stop')
        whole = part == (None, None)
        reader: VideoInMemory | VideoReader | SegmentReader
        if self.in_memory:
            reader = VideoInMemory(
                path, self.short_side, None if whole else part
            )
        else:
            reader = VideoReader(path)
            if not whole:
                times = reader.frame_times
                reader = SegmentReader(reader, times, *part, path)
        add_reader(results, reader, path, reader.frame_times)
        return results

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(in_memory={self.in_memory}, '
            f'short_side={self.short_side})'
        )


@TRANSFORMS.register_module()
class ResampleFrames(BaseTransform):
    """Let a sampler count frames of a given rate instead of stored ones.

    Samplers such as ``SampleFrames`` count frames, so 8 frames with an
    interval of 6 last 2 s at 24 fps, but 0.8 s at 60 fps. After this
    transform, frame ``i`` is the one that is shown ``i / fps`` seconds after
    the first one: frames are repeated or left out, by the times in the file.
    So clips of all cameras, and of a varying frame rate, cover the same time.
    No frame is decoded for this. ``SampleFrames(target_fps=...)`` of MMAction2
    reads no times, and changes the interval of clips that have the target
    rate already.

    Required keys:

        - video_reader, frame_times: From :class:`OpenVideo` of a file, or from
          :class:`OpenFlow`.

    Modified keys:

        - video_reader, total_frames, avg_fps, frame_times: Those of the new
          frame rate.

    Args:
        fps: Frames per second.

    Raises:
        ValueError: If ``fps`` is not positive, or, when called, if the frames
            have no times or follow the published code.

    Example::

        dict(type='OpenVideo'),
        dict(type='ResampleFrames', fps=24),
        dict(type='SampleFrames', clip_len=8, frame_interval=6),
        dict(type='DecodeFrames'),
    """

    def __init__(self, fps: float) -> None:
        if not 0 < fps < math.inf:
            raise ValueError(f'`fps` must be positive, got {fps}')
        self.fps = fps

    def transform(self, results: dict) -> dict:
        """Replace the reader."""
        if 'frame_times' not in results:
            raise ValueError(
                '`ResampleFrames` must follow `OpenVideo` or `OpenFlow` of a '
                f'file; {results.get("filename")} has frames without times'
            )
        if is_released(results):
            raise ValueError(
                '`ResampleFrames` cannot be used with '
                "`alignment='as_released'`: the published code takes every "
                'file for one of 24 fps'
            )
        reader = ResampledReader(
            results['video_reader'], results['frame_times'], self.fps
        )
        add_reader(results, reader, '', reader.frame_times)
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(fps={self.fps})'


@TRANSFORMS.register_module()
class DecodeFrames(BaseTransform):
    """Decode only the sampled frames of an opened video.

    The pixels are the same as those of MMAction2's ``PyAVDecode``, or of its
    ``RawFrameDecode`` for a folder of frames. Frames of files are turned
    upright as players show them; ``PyAVDecode`` leaves those of a phone lying.
    Frames of another size than the first one are resized to it.

    Required keys:

        - video_reader: From :class:`OpenVideo` or :class:`OpenFlow`. It is
          closed and removed.
        - frame_inds (np.ndarray): Indices (L,), from ``SampleFrames``.
        - start_index (int): Index of the first frame.

    Added keys:

        - imgs (list[np.ndarray]): L frames (H, W, C) uint8. They are copies,
          which later transforms may change in place.
        - original_shape, img_shape (tuple[int, int]): (H, W).
        - upright (bool): True.

    Raises:
        CorruptMediaError: When called, if a frame cannot be decoded.
    """

    def transform(self, results: dict) -> dict:
        """Replace ``video_reader`` with ``imgs``."""
        reader = results.pop('video_reader')
        try:
            indices = results['frame_inds'] - results['start_index']
            results['imgs'] = reader.read(indices.tolist())
        finally:
            reader.close()
        results['original_shape'] = results['imgs'][0].shape[:2]
        results['img_shape'] = results['imgs'][0].shape[:2]
        results['upright'] = True
        return results


def add_reader(
    results: dict, reader: FrameReader, name: str, times: FrameTimes
) -> None:
    """Add the reader of a file, its length and its times to an item.

    Raises:
        CorruptMediaError: If there is no frame to read.
    """
    if is_released(results):
        reader = ReleasedIndexing(reader)
    if not len(reader):
        raise CorruptMediaError(f'media file {name} has too few frames')
    results['video_reader'] = reader
    results['total_frames'] = len(reader)
    results['avg_fps'] = reader.frame_rate
    results['frame_times'] = times
