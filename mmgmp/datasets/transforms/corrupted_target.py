# Copyright (c) mmgmp authors.
from collections.abc import Callable, Sequence

from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform, Compose

from ..arguments import check_choice

# Transforms after which the frames, or the waveform, of a clip are there.
AFTER = dict(
    video=(
        'DecodeFrames',
        'SelectFrames',
        'DecordDecode',
        'OpenCVDecode',
        'PIMSDecode',
        'PyAVDecode',
        'RawFrameDecode',
    ),
    audio=('LoadAudio',),
)


@TRANSFORMS.register_module()
class CorruptedTarget(BaseTransform):
    """Run the pipeline of a target whose sound and pictures are corrupted.

    The synthetic shift of `Boomda <https://arxiv.org/abs/2511.08152>`_ for
    any dataset: white noise in the sound
    (:class:`~mmgmp.datasets.CorruptAudio`), dark and noisy frames
    (:class:`~mmgmp.datasets.CorruptVideo`). The two are inserted into the
    configs of the transforms: where a waveform has been loaded, and where
    frames have been decoded, after a ``Resize`` that follows at once, since
    noise of the full size would cost much and be averaged away. Nested
    transforms are corrupted inside; optical flow stays as it is.

    A clip is corrupted in the same way whenever it is read, in training and
    test: the noise defines a domain and augments nothing. So it may be in
    :class:`~mmgmp.datasets.CachedTransforms`. Both the unlabelled training
    set and the test set of the target need it.

    Args:
        transforms: Configs of the pipeline.
        modalities: Which of 'video' and 'audio' are corrupted.
        brightness: Factor of the pixel values.
        video_snr: Ratio of the powers of darkened frame and noise, not in dB.
        audio_snr: Ratio of the powers of sound and noise, not in dB.

    Raises:
        ValueError: If a modality is unknown, or no transform decodes its
            frames or loads its sound; see also the two transforms.

    Example:
        >>> pipeline = [
        ...     dict(type='CorruptedTarget', transforms=train_pipeline)]
    """

    def __init__(
        self,
        transforms: Sequence[dict | Callable],
        modalities: Sequence[str] = ('video', 'audio'),
        brightness: float = 0.2,
        video_snr: float = 0.5,
        audio_snr: float = 1.0,
    ) -> None:
        corruptions = dict(
            video=dict(
                type='CorruptVideo', brightness=brightness, snr=video_snr
            ),
            audio=dict(type='CorruptAudio', snr=audio_snr),
        )
        for modality in modalities:
            check_choice('modalities', modality, tuple(corruptions))
            transforms, count = insert_after(
                transforms, AFTER[modality], corruptions[modality]
            )
            if not count:
                raise ValueError(
                    f'none of `transforms` is one of {AFTER[modality]}, after '
                    f'which the {modality} could be corrupted: add one, or '
                    f'leave {modality!r} out of `modalities`'
                )
        self.transforms = Compose(transforms)

    def transform(self, results: dict) -> dict | None:
        """Run the corrupted pipeline."""
        return self.transforms(results)

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(transforms={self.transforms})'


def insert_after(
    transforms: Sequence[dict | Callable], names: Sequence[str], added: dict
) -> tuple[list, int]:
    """Insert a transform after others, in nested configs too.

    Args:
        transforms: Configs, which stay as they are, or transforms.
        names: Types after which it is inserted, and after the ``Resize`` that
            follows one at once.
        added: Config of the transform.

    Returns:
        New list of configs, number of insertions.
    """
    result, count, wanted = [], 0, False
    for transform in transforms:
        name = _type_name(transform)
        if wanted and name != 'Resize':
            result.append(added)
            wanted, count = False, count + 1
        # FlowBranch decodes optical flow.
        if name != 'FlowBranch' and _has_transforms(transform):
            nested, number = insert_after(
                transform['transforms'], names, added
            )
            transform = dict(transform, transforms=nested)
            count += number
        result.append(transform)
        wanted = wanted or name in names
    if wanted:
        result.append(added)
        count += 1
    return result, count


def _type_name(transform: dict | Callable) -> str | None:
    """Name of a type, without its scope."""
    if not isinstance(transform, dict):
        return None
    kind = transform['type']
    return getattr(kind, '__name__', kind).rpartition('.')[2]


def _has_transforms(transform: dict | Callable) -> bool:
    return isinstance(transform, dict) and bool(transform.get('transforms'))
