# Copyright (c) mmgmp authors.
import copy
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from logging import WARNING
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform, Compose
from mmengine.dist import get_world_size
from mmengine.logging import print_log
from torch.utils.data import get_worker_info

from mmgmp.utils.seeding import generator_states

from ..wrappers import CLIP_IDENTITY

# Limits of the caches of all processes together, unless one is given.
_TOTAL_MEGABYTES = 2000
_SHARE = 1 / 4


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
    run; each worker has its own, and so has each dataloader. Without
    persistent workers it is lost after every epoch. A full cache keeps its
    entries and takes no new ones: an epoch visits each file once, so a cache
    that drops its oldest entry would drop each entry just before its next use.

    Required keys:

        - filename (str): Identifies the sample, together with the next keys.
        - start_index, total_frames (int, optional)
        - clip_start, clip_stop (float, optional)

    Added keys:

        - those of the transforms.

    Args:
        transforms: Transforms or their configs. None of them may be random.
        max_megabytes: Maximum size of the cache of one process, in units of
            10^6 bytes. All values count, also in nested containers. Without a
            number, 2000 MB, or a quarter of the available memory of the
            machine if that is less, are shared equally by all workers of the
            loader and all ranks of the machine.

    Raises:
        ValueError: If ``max_megabytes`` is negative or NaN, or, when called,
            if a transform draws a random number or adds a value that cannot be
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
        max_megabytes: float | None = None,
    ) -> None:
        if max_megabytes is not None and not max_megabytes >= 0:
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
        size = _num_bytes(added, set())
        if self.max_megabytes is None:
            self.max_megabytes = _share_of_memory()
        if self.num_bytes + size > self.max_megabytes * 1e6:
            if not self._full:
                self._full = True
                print_log(
                    f'the cache of {self.max_megabytes:g} MB is full after '
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


def _num_bytes(value: Any, seen: set[int]) -> int:
    """Count the bytes that a copy of a value takes.

    Args:
        value: Any value, with all that it contains.
        seen: Identities of the objects that were counted before.
    """
    if id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, torch.Tensor):
        # A copy of a part keeps the whole storage.
        return value.untyped_storage().nbytes()
    parts: Iterable = ()
    if isinstance(value, Mapping):
        parts = chain(value.keys(), value.values())
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = value
    elif isinstance(value, np.ndarray) and value.dtype.hasobject:
        parts = value.flat
    elif hasattr(value, '__dict__') and not hasattr(value, 'nbytes'):
        parts = [vars(value)]
    size = getattr(value, 'nbytes', None)
    if size is None:
        size = sys.getsizeof(value)
    return size + sum(_num_bytes(part, seen) for part in parts)


def _share_of_memory() -> float:
    """Get the default size of the cache of this process, in 10^6 bytes."""
    worker = get_worker_info()
    ranks = int(os.environ.get('LOCAL_WORLD_SIZE', get_world_size()))
    total = min(_TOTAL_MEGABYTES, _SHARE * available_memory() / 1e6)
    return total / (worker.num_workers if worker else 1) / ranks


def available_memory() -> float:
    """Get the bytes of memory that this machine or container can give."""
    found = [float('inf')]
    with suppress(OSError, KeyError):  # not Linux
        lines = Path('/proc/meminfo').read_text().splitlines()
        sizes = dict(line.split(':') for line in lines)
        found.append(1024 * float(sizes['MemAvailable'].split()[0]))
    for name in ('memory.max', 'memory/memory.limit_in_bytes'):
        # There may be no container, or no limit.
        with suppress(OSError, ValueError):
            found.append(float(Path('/sys/fs/cgroup', name).read_text()))
    return min(found)


def _equal(first: tuple, second: tuple) -> bool:
    return (
        first[0] == second[0]
        and all(map(np.array_equal, first[1], second[1]))
        and torch.equal(first[2], second[2])
    )
