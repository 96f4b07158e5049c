# Copyright (c) mmgmp authors.
from collections import Counter
from collections.abc import Iterator
from typing import Any

from torch.utils.data import Sampler

from mmgmp.utils.seeding import Stream, derive_seed

from .seeded_index import SeededIndex


class SeededSampler(Sampler):
    """Indices of another sampler, each with the seed of its augmentation.

    The seed is a function of the run's seed, the epoch, the index, and how
    often this index came before in this epoch. Neither the number of workers
    nor the batch size plays a part, nor the number of ranks if the other
    sampler has an ``epoch``, by which such samplers deal one permutation to
    the ranks. Of other samplers (``InfiniteSampler``) an index may come on
    several ranks, and the seed depends on the rank too. Indices that come
    with a seed keep it.

    Args:
        sampler: The other sampler.
        seed: Seed of the run.
        rank: Rank of this process.
    """

    def __init__(self, sampler: Sampler, seed: int, rank: int) -> None:
        self.sampler = sampler
        self.seed = seed
        self.rank = rank
        self.epoch = 0
        self._times = Counter()

    def __iter__(self) -> Iterator[SeededIndex]:
        rank = () if hasattr(self.sampler, 'epoch') else (self.rank,)
        for index in self.sampler:
            if isinstance(index, SeededIndex):
                yield index
                continue
            index = int(index)
            times = self._times[index]
            self._times[index] += 1
            key = (self.seed, self.epoch, index, times, *rank)
            yield SeededIndex(index, derive_seed(Stream.SAMPLE, *key))

    def __len__(self) -> int:
        return len(self.sampler)

    def __getattr__(self, name: str) -> Any:
        # Batch samplers may ask the sampler for more, such as its dataset.
        if name == 'sampler':
            raise AttributeError(name)
        return getattr(self.sampler, name)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, of the other sampler too if it has any.

        Args:
            epoch: Number of the epoch, from 0 on.
        """
        # An iteration-based loop draws indices first and then says "epoch 0".
        if epoch != self.epoch:
            self.epoch = epoch
            self._times.clear()
        if hasattr(self.sampler, 'set_epoch'):
            self.sampler.set_epoch(epoch)
