# Copyright (c) mmgmp authors.
import copy
from collections.abc import Callable, Mapping, Sequence
from logging import WARNING

import numpy as np
import torch
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform, Compose
from mmengine.logging import print_log

from mmgmp.utils.seeding import generator_states

from ..wrappers import CLIP_IDENTITY


@TRANSFORMS.register_module()
class CachedTransforms(BaseTransform):
    """Run deterministic transforms once per file and cache what they add.

    Use it as the first transform of a pipeline. In training, it contains
    ``OpenVideo(in_memory=True)``: only the first epoch decodes the files, and
    every epoch samples and augments the frames anew. In validation nothing is
    random, so it can contain all transforms before ``PackActionInputs``. Later
    transforms get copies, which they may change in place.

    The cache belongs to the transform and to the process. With
    ``num_workers=0`` or ``persistent_workers=True`` it lasts for the whole
    run; each worker has its own. Without persistent workers it is lost after
    every epoch. A full cache keeps its entries and takes no new ones: an epoch
    visits each file once, so a cache that drops its oldest entry would drop
    each entry just before its next use.

    Required keys:

        - filename (str): Identifies the sample, together with the next keys.
        - start_index, total_frames (int, optional)

    Added keys:

        - those of the transforms.

    Args:
        transforms: Transforms or their configs. None of them may be random.
        max_megabytes: Maximum size of the arrays and decoded videos in the
            cache, in units of 10^6 bytes.

    Raises:
        ValueError: If ``max_megabytes`` is negative, or, when called, if a
            transform draws a random number or adds a value that cannot be
            copied, such as an open file.

    Example::

        pipeline = [
            dict(
                type='CachedTransforms',
                transforms=[
                    dict(type='OpenVideo', in_memory=True, short_side=72),
                ]),
            dict(type='SampleFrames', clip_len=16, frame_interval=2),
            dict(type='DecodeFrames'),
            dict(type='RandomResizedCrop'),
        ]
    """

    def __init__(
        self,
        transforms: Sequence[dict | Callable],
        max_megabytes: float = 2000,
    ) -> None:
        if max_megabytes < 0:
            raise ValueError(
                f'`max_megabytes` must not be negative, got {max_megabytes}'
            )
        self.transforms = Compose(transforms)
        self.max_megabytes = max_megabytes
        self.num_bytes = 0
        self._full = False
        self._added: dict[tuple, dict] = {}

    def __len__(self) -> int:
        """Number of samples in the cache."""
        return len(self._added)

    def transform(self, results: dict) -> dict | None:
        """Add the keys of the transforms, from the cache if possible."""
        key = tuple(map(results.get, CLIP_IDENTITY))
        if key in self._added:
            results.update(copy.deepcopy(self._added[key]))
            return results
        inputs, states = dict(results), generator_states()
        results = self.transforms(results)
        if not _equal(states, generator_states()):
            raise ValueError(
                'a transform in `CachedTransforms` draws random numbers, and '
                'the cache would repeat its first draw forever: put it after '
                f'`CachedTransforms`. Got {self.transforms}'
            )
        if results is not None:
            self._store(key, inputs, results)
        return results

    def _store(self, key: tuple, inputs: Mapping, results: Mapping) -> None:
        added = {
            k: v
            for k, v in results.items()
            if k not in inputs or v is not inputs[k]
        }
        size = _num_bytes(added)
        if self.num_bytes + size > self.max_megabytes * 1e6:
            if not self._full:
                self._full = True
                print_log(
                    f'the cache of {self.max_megabytes} MB is full after '
                    f'{len(self)} samples; the others are read every time. '
                    'Raise `max_megabytes` of `CachedTransforms` if there is '
                    'memory for more',
                    logger='current',
                    level=WARNING,
                )
            return
        try:
            self._added[key] = copy.deepcopy(added)
        except TypeError as error:
            raise ValueError(
                'a transform in `CachedTransforms` adds a value that cannot '
                f'be copied, among {list(added)}: give `OpenVideo` '
                '`in_memory=True`, because an open file cannot be cached'
            ) from error
        self.num_bytes += size

    def __repr__(self) -> str:
        return (
            f'{self.__class__.__name__}(transforms={self.transforms}, '
            f'max_megabytes={self.max_megabytes})'
        )


def _num_bytes(value: object) -> int:
    """Count the bytes of arrays and readers in nested dicts and sequences."""
    if isinstance(value, dict):
        return sum(map(_num_bytes, value.values()))
    if isinstance(value, (list, tuple)):
        return sum(map(_num_bytes, value))
    return getattr(value, 'nbytes', 0)


def _equal(first: tuple, second: tuple) -> bool:
    return (
        first[0] == second[0]
        and all(map(np.array_equal, first[1], second[1]))
        and torch.equal(first[2], second[2])
    )
