# Copyright (c) mmgmp authors.
from collections.abc import Callable, Iterable, Sequence
from logging import WARNING

import av
import numpy as np
from mmaction.datasets.transforms import PyAVDecode
from mmcv.transforms import Compose
from mmengine.logging import print_log

from mmgmp.datasets import (
    CachedTransforms,
    CorruptMediaError,
    DecodeFrames,
    LoadAudio,
    SelectFrames,
)
from mmgmp.datasets.media import (
    EmptyWindowError,
    read_audio_track,
    read_frame_rate,
    read_video,
)

from .drawing import read_rotation, upright


class MediaFilePipeline:
    """Test pipeline of a config on a media file with its own sound track.

    The transforms are those of the config, except that

    - nothing is cached, as a file may be replaced between two calls;
    - frames are turned upright, which phones store as the camera was held;
    - a file that stands for an action has the sound of its whole length;
    - a file without an audio track, or whose track is silent or ends before
      the clip begins, gives inputs without ``audio``, with a warning, even
      where the dataset allows silence.

    Args:
        pipeline: Transforms of the config, ending in ``PackActionInputs``
            with the inputs ``video`` and ``audio``.

    Raises:
        ValueError: No transform is :class:`~mmgmp.datasets.LoadAudio`.
    """

    def __init__(self, pipeline: Sequence[dict | Callable]) -> None:
        transforms = for_files(unfold(Compose(pipeline)))
        # Transforms keep no state, so both pipelines use the same ones.
        silent = [
            SilentAudio(transform)
            if isinstance(transform, LoadAudio)
            else transform
            for transform in transforms
        ]
        if silent == transforms:
            raise ValueError(
                '`test_dataloader.dataset.pipeline` has no LoadAudio: a file '
                'is predicted by a config of video and audio, got '
                f'{[type(transform).__name__ for transform in transforms]}'
            )
        self.transforms = Compose(transforms)
        self.silent_transforms = Compose(silent)

    def __call__(self, path: str) -> dict:
        """Read a file.

        Args:
            path: Media file.

        Returns:
            ``inputs`` (modality -> tensor) and ``data_samples``, whose
            metainfo has ``filename`` and ``missing``, a dict that gives the
            reason why ``audio`` is missing or is empty.

        Raises:
            CorruptMediaError: The file is missing, empty, truncated or cannot
                be decoded, or has no video.
            RuntimeError: A transform failed on an intact file.
        """
        missing = {}
        if not check_streams(path):
            missing['audio'] = 'the file has no audio track'
        else:
            try:
                packed = _run(self.transforms, path)
            except EmptyWindowError:
                missing['audio'] = 'the audio track ends before the clip'
            except CorruptMediaError:
                if read_audio_track(path)[0].any():
                    raise
                missing['audio'] = 'the audio track is silent'
        if missing:
            packed = _run(self.silent_transforms, path)
            del packed['inputs']['audio']
            print_log(
                f'{path} is predicted from the video alone: '
                f'{missing["audio"]}',
                logger='current',
                level=WARNING,
            )
        packed['data_samples'].set_metainfo(
            dict(filename=path, missing=missing)
        )
        return packed


class SilentAudio:
    """Stand in for ``LoadAudio`` by a second of zeros."""

    def __init__(self, load_audio: LoadAudio) -> None:
        self.sample_rate = load_audio.sample_rate

    def __call__(self, results: dict) -> dict:
        """Add ``audios`` and ``sample_rate``."""
        results['audios'] = np.zeros(self.sample_rate, np.float32)
        results['sample_rate'] = self.sample_rate
        return results


def unfold(transforms: Iterable[Callable]) -> list[Callable]:
    """Put what ``CachedTransforms`` hold in their place."""
    flat = []
    for transform in transforms:
        if isinstance(transform, CachedTransforms):
            flat += unfold(transform.transforms)
        else:
            flat.append(transform)
    return flat


def for_files(transforms: Iterable[Callable]) -> list[Callable]:
    """Adapt transforms of a dataset as :class:`MediaFilePipeline` says."""
    adapted = []
    for transform in transforms:
        if isinstance(transform, LoadAudio):
            align = transform.align
            transform = LoadAudio(
                transform.sample_rate, 'whole' if align == 'action' else align
            )
        adapted.append(transform)
        # These decode frames as they are stored.
        if isinstance(transform, (DecodeFrames, PyAVDecode, SelectFrames)):
            adapted.append(turn_upright)
    return adapted


def turn_upright(results: dict) -> dict:
    """Turn ``imgs`` as the display matrix of the file says."""
    rotation = read_rotation(results['filename'])
    results['imgs'] = [upright(image, rotation) for image in results['imgs']]
    shape = results['imgs'][0].shape[:2]
    results['original_shape'] = results['img_shape'] = shape
    return results


def check_streams(path: str) -> bool:
    """Check that a file has video, and say whether it has an audio track.

    Raises:
        CorruptMediaError: The file cannot be read or has no video. The cover
            picture of a song, which has no frame rate, is none.
    """
    read_frame_rate(path)
    with av.open(path, metadata_errors='ignore') as container:
        return bool(container.streams.audio)


def _run(transforms: Compose, path: str) -> dict:
    # There is no such audio file: the track of the video is read.
    item = dict(filename=path, audio_path='', start_index=0, modality='RGB')
    try:
        return transforms(item)
    except CorruptMediaError:
        raise
    except Exception as error:
        # A decoder of MMAction2 may have failed: this names the file if it
        # is corrupt. Small frames, as the video may be long.
        read_video(path, short_side=8)
        raise RuntimeError(
            f'the pipeline failed on {path}: {error!r}'
        ) from error
