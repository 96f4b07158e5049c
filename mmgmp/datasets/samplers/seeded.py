# Copyright (c) mmgmp authors.
"""Seed the augmentation of each sample in each epoch."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from torch.utils.data import Dataset, Sampler

from mmgmp.utils.seeding import Stream, derive_seed, seed_generators


class SizedSampler(Iterable[int], Protocol):
    """Sampler with a length, as MMEngine's are."""

    def __len__(self) -> int:
        """Number of indices on this rank."""


class SeededIndex(int):
    """Index of a sample that carries the seed of its augmentation.

    Args:
        index: Index.
        seed: Seed in [0, 2^32).

    Example:
        >>> index = SeededIndex(3, seed=7)
        >>> 'abcd'[index], index.seed
        ('d', 7)
    """

    seed: int

    def __new__(cls, index: int, seed: int) -> 'SeededIndex':  # noqa: D102
        self = super().__new__(cls, index)
        self.seed = seed
        return self

    def __reduce__(self) -> tuple:
        return SeededIndex, (int(self), self.seed)


class SeededItems:
    """Read a batch of samples, each with its own random numbers.

    It becomes the attribute ``__getitems__`` of a dataset, which the data
    loaders of PyTorch call in the main process and in workers. Therefore it
    works with any dataset and any nesting of wrappers. A dataset that already
    has ``__getitems__`` is seeded once for the batch, by the first index.

    Args:
        dataset: Dataset.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.read_batch = getattr(dataset, '__getitems__', None)

    def __call__(self, indices: Sequence[SeededIndex]) -> Sequence[Any]:
        """Read the samples of a batch.

        Args:
            indices: Indices of the samples.

        Returns:
            The samples.
        """
        if self.read_batch is not None:
            seed_generators(indices[0].seed)
            return self.read_batch([int(index) for index in indices])
        samples = []
        for index in indices:
            seed_generators(index.seed)
            samples.append(self.dataset[int(index)])
        return samples


class SeededSampler(Sampler):
    """Indices of another sampler, each with the seed of its augmentation.

    The seed is a function of the run's seed, the epoch, the index, and how
    often this index came before in this epoch. It does not depend on the
    number of workers or the batch size. If the other sampler has an ``epoch``,
    it splits one permutation among the ranks, and the seed does not depend on
    the number of ranks either. Otherwise (``InfiniteSampler``), several ranks
    may draw the same index, and the seed also depends on the rank. Indices
    that already have a seed keep it.

    Args:
        sampler: The other sampler.
        seed: Seed of the run.
        rank: Rank of this process.
    """

    def __init__(self, sampler: SizedSampler, seed: int, rank: int) -> None:
        self.sampler = sampler
        self.seed = seed
        self.rank = rank
        self.epoch = 0
        self._times: Counter[int] = Counter()

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
        # Batch samplers may need other attributes, such as the dataset.
        if name == 'sampler':
            raise AttributeError(name)
        return getattr(self.sampler, name)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, also of the other sampler if it has one.

        Args:
            epoch: Number of the epoch, from 0.
        """
        # An iteration-based loop first draws indices and then sets epoch 0.
        if epoch != self.epoch:
            self.epoch = epoch
            self._times.clear()
        if hasattr(self.sampler, 'set_epoch'):
            self.sampler.set_epoch(epoch)
