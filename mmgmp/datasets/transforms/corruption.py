# Copyright (c) mmgmp authors.
"""Corrupt a domain with white noise, the same each time a clip is read."""

import math
import os
import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform, Compose

from mmgmp.utils.seeding import Stream, derive_seed

from ..arguments import check_names

# Transforms that add the frames, or the waveform, of a clip.
AFTER = dict(
    video=(
        'DecodeFrames',
        'DecordDecode',
        'OpenCVDecode',
        'PIMSDecode',
        'PyAVDecode',
        'RawFrameDecode',
    ),
    audio=('LoadAudio',),
)
_VIDEO, _AUDIO = 0, 1  # parts of the seed: each has noise of its own


@TRANSFORMS.register_module()
class CorruptVideo(BaseTransform):
    """Darken frames and add reproducible white Gaussian noise.

    This simulates another domain, see :class:`CorruptedTarget`. A frame is
    multiplied by ``brightness``. The power of the noise is that of the
    darkened frame divided by ``snr``. Rounding and clipping to [0, 255] then
    remove a part of the noise.

    Required keys:

        - imgs (list[np.ndarray]): L frames (H, W, C) uint8.
        - frame_inds (np.ndarray): Their indices (L,), from ``SampleFrames``.
        - filename (str): Identifies the frames, together with the indices.

    Modified keys:

        - imgs (list[np.ndarray]): L frames (H, W, C) uint8.

    Args:
        brightness: Factor in (0, 1].
        snr: Power (mean square of the pixel values) of the darkened frame
            divided by that of the noise, not in dB. The defaults, 0.2 and 0.5,
            are those of `Boomda <https://arxiv.org/abs/2511.08152>`_.

    Raises:
        ValueError: If an argument is out of range, or, when called, if
            ``imgs`` does not have one frame for each index.
    """

    def __init__(self, brightness: float = 0.2, snr: float = 0.5) -> None:
        if not 0 < brightness <= 1:
            raise ValueError(
                f'`brightness` must be in (0, 1], got {brightness}'
            )
        _check_snr(snr)
        self.brightness = brightness
        self.snr = snr

    def transform(self, results: dict) -> dict:
        """Corrupt the frames."""
        frames, numbers = results['imgs'], results['frame_inds'].tolist()
        if len(frames) != len(numbers) or any(
            frame.ndim != 3 or frame.dtype != np.uint8 for frame in frames
        ):
            raise ValueError(
                '`imgs` must have one frame (H, W, C) of uint8 for each of '
                f'{len(numbers)} indices, got {len(frames)}, the first one of '
                f'shape {frames[0].shape} and {frames[0].dtype}: put '
                'CorruptVideo right after the frames are decoded'
            )
        results['imgs'] = []
        for frame, number in zip(frames, numbers, strict=True):
            dark = frame * np.float32(self.brightness)
            generator = clip_generator(results, _VIDEO, number)
            noisy = add_noise(dark, self.snr, generator)
            np.rint(noisy, out=noisy)
            noisy.clip(0, 255, out=noisy)
            results['imgs'].append(noisy.astype(np.uint8))
        return results

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(brightness={self.brightness}, '
            f'snr={self.snr})'
        )


@TRANSFORMS.register_module()
class CorruptAudio(BaseTransform):
    """Add reproducible white Gaussian noise to a waveform.

    This simulates another domain, see :class:`CorruptedTarget`. The power of
    the noise is that of the loaded waveform divided by ``snr``, so silence
    stays silent. Each clip has one noise sequence, which starts at the
    beginning of the loaded window.

    Required keys:

        - audios (np.ndarray): Waveform (S,), from :class:`LoadAudio`.
        - filename (str): Identifies the clip, together with the next key.
        - start_index (int, optional)

    Modified keys:

        - audios (np.ndarray): Waveform (S,) float32, not limited to [-1, 1].

    Args:
        snr: Power (mean square) of the sound divided by that of the noise, not
            in dB. The default, 1.0, is that of `Boomda
            <https://arxiv.org/abs/2511.08152>`_.

    Raises:
        ValueError: If ``snr`` is not positive, or, when called, if ``audios``
            is not a waveform.
    """

    def __init__(self, snr: float = 1.0) -> None:
        _check_snr(snr)
        self.snr = snr

    def transform(self, results: dict) -> dict:
        """Add the noise."""
        wave = results['audios']
        if wave.ndim != 1:
            raise ValueError(
                f'`audios` must be a waveform (S,), got shape {wave.shape}: '
                'put CorruptAudio right after LoadAudio'
            )
        generator = clip_generator(
            results, _AUDIO, results.get('start_index', 0)
        )
        results['audios'] = add_noise(wave, self.snr, generator)
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(snr={self.snr})'


@TRANSFORMS.register_module()
class CorruptedTarget(BaseTransform):
    """Run the pipeline of a target with corrupted audio and video.

    This applies the synthetic shift of `Boomda
    <https://arxiv.org/abs/2511.08152>`_ to any dataset: noisy sound
    (:class:`CorruptAudio`) and dark, noisy frames (:class:`CorruptVideo`). The
    two transforms are inserted into ``transforms`` after the waveform is
    loaded and after the frames are decoded. If a ``Resize`` follows directly,
    they are inserted after it, because noise at full size is slow and resizing
    would average it away. Nested transforms are corrupted too; optical flow
    stays clean.

    A clip is corrupted in the same way in each epoch and in training and test:
    the noise defines a domain and is not an augmentation. Therefore
    :class:`CachedTransforms` may contain this transform. Use it for both the
    unlabelled training set and the test set of the target.

    Args:
        transforms: Configs of the pipeline.
        modalities: Which of 'video' and 'audio' to corrupt.
        brightness: See :class:`CorruptVideo`.
        video_snr: ``snr`` of :class:`CorruptVideo`.
        audio_snr: ``snr`` of :class:`CorruptAudio`.

    Raises:
        TypeError: If ``modalities`` is a string.
        ValueError: If a modality is unknown or repeated, or no transform
            decodes its frames or loads its sound; see also the transforms.

    Example::

        pipeline = [dict(type='CorruptedTarget', transforms=train_pipeline)]
    """

    def __init__(
        self,
        transforms: Sequence[dict | Callable],
        modalities: Sequence[str] = ('video', 'audio'),
        brightness: float = 0.2,
        video_snr: float = 0.5,
        audio_snr: float = 1.0,
    ) -> None:
        video = dict(type='CorruptVideo', brightness=brightness, snr=video_snr)
        corruptions = dict(
            video=video, audio=dict(type='CorruptAudio', snr=audio_snr)
        )
        for modality in check_names('modalities', modalities, [*corruptions]):
            transforms, count = insert_after(
                transforms, AFTER[modality], corruptions[modality]
            )
            if not count:
                raise ValueError(
                    f'`transforms` must have one of {AFTER[modality]}, so '
                    f'that the {modality} can be corrupted after it: add one, '
                    f'or remove {modality!r} from `modalities`'
                )
        self.transforms = Compose(transforms)

    def transform(self, results: dict) -> dict | None:
        """Run the corrupted pipeline."""
        return self.transforms(results)

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(transforms={self.transforms})'


def insert_after(
    transforms: Sequence[dict | Callable], names: Sequence[str], added: dict
) -> tuple[list[dict | Callable], int]:
    """Insert a transform after others, also in nested configs.

    Args:
        transforms: Configs, which are not changed, or transforms.
        names: Types after which to insert it. If a ``Resize`` follows
            directly, it is inserted after the ``Resize``.
        added: Config of the transform.

    Returns:
        New list of configs, number of insertions.
    """
    result: list[dict | Callable] = []
    count, wanted = 0, False
    for transform in transforms:
        name = None
        if isinstance(transform, dict):
            kind = transform['type']
            name = getattr(kind, '__name__', kind).rpartition('.')[2]
            inner = transform.get('transforms')
            # FlowBranch decodes optical flow.
            if inner and name != 'FlowBranch':
                inner, number = insert_after(inner, names, added)
                transform = dict(transform, transforms=inner)
                count += number
        if wanted and name != 'Resize':
            result.append(added)
            wanted, count = False, count + 1
        result.append(transform)
        wanted = wanted or name in names
    if wanted:
        result.append(added)
        count += 1
    return result, count


def add_noise(
    signal: np.ndarray, snr: float, generator: np.random.Generator
) -> np.ndarray:
    """Add white Gaussian noise of variance ``mean(signal ** 2) / snr``.

    Args:
        signal: Signal of any shape.
        snr: Power (mean square) of the signal divided by the power of the
            noise; 1 is 0 dB.
        generator: Random generator.

    Returns:
        The noisy signal, float32.
    """
    power = np.square(signal, dtype=np.float64).mean()
    noise = generator.standard_normal(signal.shape, dtype=np.float32)
    noise *= np.float32(math.sqrt(power / snr))
    noise += signal
    return noise


def clip_generator(
    results: Mapping, medium: int, number: int
) -> np.random.Generator:
    """Create a random generator that is the same each time a clip is read.

    Its seed depends on the domain and on the last part of the file name. Both
    are the same on any machine and in any subset of the clips.

    Args:
        results: Item with ``filename`` and maybe ``domain_name``.
        medium: ``_VIDEO`` or ``_AUDIO``.
        number: Index of a frame, or start index of the clip.
    """
    name = os.path.basename(results['filename'])
    clip = zlib.crc32(f'{results.get("domain_name")}/{name}'.encode())
    seed = derive_seed(Stream.CORRUPTION, medium, clip, number)
    return np.random.default_rng(seed)


def _check_snr(snr: float) -> None:
    if not 0 < snr < math.inf:
        raise ValueError(
            f'`snr` must be a positive ratio of powers (not dB), got {snr}'
        )
