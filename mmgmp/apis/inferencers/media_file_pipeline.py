# Copyright (c) mmgmp authors.
from collections.abc import Callable, Iterable, Sequence
from logging import WARNING

import numpy as np
from mmaction.datasets.transforms import PyAVDecode
from mmcv.transforms import Compose
from mmengine.logging import print_log

from mmgmp.datasets import CachedTransforms, CorruptMediaError, LoadAudio
from mmgmp.datasets.media.audio import EmptyWindowError, read_audio_track
from mmgmp.datasets.media.container import open_container
from mmgmp.datasets.media.images import read_display_matrix, upright
from mmgmp.datasets.media.video import read_frame_rate, read_video


class MediaFilePipeline:
    """Apply the test pipeline of a config to a video file with sound.

    The transforms are those of the config, with these exceptions:

    - nothing is cached, because a file may be replaced between two calls;
    - frames of ``PyAVDecode`` are turned upright, because phones store them in
      the orientation of the camera;
    - ``LoadAudio(align='action')`` reads the whole audio track instead;
    - if the audio track is missing, is silent or ends before the clip starts,
      the inputs have no ``audio`` and a warning is logged, even if
      ``LoadAudio`` allows silence.

    Args:
        pipeline: Transforms of the config, ending in ``PackActionInputs``
            with the inputs ``video`` and ``audio``.

    Raises:
        ValueError: No transform is :class:`~mmgmp.datasets.LoadAudio`.
    """

    def __init__(self, pipeline: Sequence[dict | Callable]) -> None:
        transforms = for_files(unfold(Compose(pipeline)))
        # Transforms have no state, so both pipelines can share them.
        silent = [
            SilentAudio(transform)
            if isinstance(transform, LoadAudio)
            else transform
            for transform in transforms
        ]
        if silent == transforms:
            raise ValueError(
                '`test_dataloader.dataset.pipeline` has no LoadAudio: files '
                'need a config with video and audio, got '
                f'{[type(transform).__name__ for transform in transforms]}'
            )
        self.transforms = Compose(transforms)
        self.silent_transforms = Compose(silent)

    def __call__(self, path: str) -> dict:
        """Read a file.

        Args:
            path: Media file.

        Returns:
            ``inputs`` (modality -> tensor) and ``data_samples`` with
            ``filename`` and ``missing`` in their metainfo. ``missing`` maps
            ``audio`` to the reason why it is missing, or is empty.

        Raises:
            CorruptMediaError: The file does not exist, is empty or truncated,
                cannot be decoded, or has no video.
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
    """Replace ``LoadAudio`` with one second of zeros."""

    def __init__(self, load_audio: LoadAudio) -> None:
        self.sample_rate = load_audio.sample_rate

    def __call__(self, results: dict) -> dict:
        """Add ``audios`` and ``sample_rate``."""
        results['audios'] = np.zeros(self.sample_rate, np.float32)
        results['sample_rate'] = self.sample_rate
        return results


def unfold(transforms: Iterable[Callable]) -> list[Callable]:
    """Replace each ``CachedTransforms`` with the transforms in it."""
    flat = []
    for transform in transforms:
        if isinstance(transform, CachedTransforms):
            flat += unfold(transform.transforms)
        else:
            flat.append(transform)
    return flat


def for_files(transforms: Iterable[Callable]) -> list[Callable]:
    """Adapt transforms of a dataset, see :class:`MediaFilePipeline`."""
    adapted = []
    for transform in transforms:
        if isinstance(transform, LoadAudio):
            align = transform.align
            transform = LoadAudio(
                transform.sample_rate, 'whole' if align == 'action' else align
            )
        adapted.append(transform)
        # It decodes frames as they are stored.
        if isinstance(transform, PyAVDecode):
            adapted.append(turn_upright)
    return adapted


def turn_upright(results: dict) -> dict:
    """Turn ``imgs`` by the display matrix of the file, once."""
    if results.get('upright'):
        return results
    path = results['filename']
    matrix = read_display_matrix(path)
    results['imgs'] = [upright(i, matrix, path) for i in results['imgs']]
    shape = results['imgs'][0].shape[:2]
    results['original_shape'] = results['img_shape'] = shape
    results['upright'] = True
    return results


def check_streams(path: str) -> bool:
    """Check that a file has video, and return whether it has an audio track.

    Raises:
        CorruptMediaError: The file cannot be read or has no video. Cover art,
            which has no frame rate, does not count as video.
    """
    read_frame_rate(path)
    with open_container(path) as container:
        return bool(container.streams.audio)


def _run(transforms: Compose, path: str) -> dict:
    # No audio file: LoadAudio reads the audio track of the video.
    item = dict(filename=path, audio_path='', start_index=0, modality='RGB')
    try:
        return transforms(item)
    except CorruptMediaError:
        raise
    except Exception as error:
        # A decoder of MMAction2 may have failed. If the file is corrupt, this
        # raises an error that names it. Small frames let a long video fit into
        # memory.
        read_video(path, short_side=8)
        raise RuntimeError(
            f'the pipeline failed on {path}: {error!r}'
        ) from error
