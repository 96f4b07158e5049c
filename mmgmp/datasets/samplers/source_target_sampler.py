# Copyright (c) mmgmp authors.
from collections.abc import Iterator

import numpy as np
from torch.utils.data import Dataset, Sampler

from mmgmp.utils.seeding import Stream, derive_seed

from ..leaves import dataset_leaves, is_labelled
from .seeded_index import SeededIndex

SOURCE, TARGET = 0, 1


class SourceTargetSampler(Sampler):
    """Indices of batches with fixed numbers of source and target samples.

    A batch is ``num_source`` indices of samples with labels, then
    ``num_target`` ones without, which may be 0: then the source batches are
    the same and nothing of the target is read, for comparison. An epoch is
    one pass over the source. The target is cycled, from epoch to epoch
    without a break, with a new permutation for each pass. Of both, what is
    left at the end of a pass and does not fill the batches of all ranks is
    left out of that pass, so that no sample comes twice at the same time.

    The ranks have the same number of batches, of different samples; n of them
    have together what one has with n times the numbers. All follows from the
    seed and the epoch, the seeds of the samples' augmentation too (of the
    seed, the number of the pass and the index).

    Args:
        dataset: Concatenation of datasets with and without labels, see
            :func:`role_indices`.
        num_source: Source samples in a batch of one rank.
        num_target: Target samples in a batch of one rank; 0 for none.
        seed: Seed of the run, the same on all ranks.
        rank: Rank of this process.
        world_size: Number of ranks.

    Raises:
        ValueError: ``num_source`` is less than 1, ``num_target`` less than 0,
            or one exceeds what the dataset has; see also :func:`role_indices`.
    """

    def __init__(
        self,
        dataset: Dataset,
        num_source: int,
        num_target: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.dataset = dataset
        self.counts = (num_source, num_target)
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self.indices = role_indices(dataset)
        self.batches_per_pass = []
        for name, least, count, indices in zip(
            ('source', 'target'),
            (1, 0),
            self.counts,
            self.indices,
            strict=True,
        ):
            if not least <= count * world_size <= len(indices):
                raise ValueError(
                    f'batches of {count} {name} samples on each of '
                    f'{world_size} ranks cannot be drawn from '
                    f'{len(indices)} {name} samples: change `batch_size` or '
                    '`num_target`'
                )
            per_batch = max(count, 1) * world_size
            self.batches_per_pass.append(len(indices) // per_batch)

    def __iter__(self) -> Iterator[SeededIndex]:
        num_batches = self.batches_per_pass[SOURCE]
        first = self.epoch * num_batches
        orders = {}
        for number in range(first, first + num_batches):
            for role in (SOURCE, TARGET) if self.counts[TARGET] else (SOURCE,):
                yield from self._draw(role, number, orders)

    def __len__(self) -> int:
        """Number of indices of an epoch."""
        return self.batches_per_pass[SOURCE] * sum(self.counts)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch.

        Args:
            epoch: Number of the epoch, from 0 on.
        """
        self.epoch = epoch

    def _draw(
        self, role: int, number: int, orders: dict
    ) -> Iterator[SeededIndex]:
        """Yield the samples of a role in a batch, counted over all epochs."""
        passes, place = divmod(number, self.batches_per_pass[role])
        if (role, passes) not in orders:
            seed = derive_seed(Stream.PASS, self.seed, role, passes)
            orders[role, passes] = np.random.default_rng(seed).permutation(
                self.indices[role]
            )
        count = self.counts[role]
        begin = (place * self.world_size + self.rank) * count
        for index in orders[role, passes][begin : begin + count].tolist():
            key = (self.seed, passes, index)
            yield SeededIndex(index, derive_seed(Stream.SAMPLE, *key))


def role_indices(dataset: Dataset) -> tuple[list[int], list[int]]:
    """Indices of the samples with labels and of those without.

    Args:
        dataset: Concatenation (``datasets``) of datasets, wrapped or not,
            each of which has labels for all samples or, by its attribute
            ``labelled``, for none.

    Raises:
        ValueError: A wrapper other than the concatenation holds both, or the
            concatenation is sliced.
    """
    if hasattr(dataset, 'datasets'):
        roles, offset = ([], []), 0
        for part in dataset.datasets:
            for role, indices in zip(roles, role_indices(part), strict=True):
                role.extend(offset + index for index in indices)
            offset += len(part)
        if offset != len(dataset):
            raise ValueError(
                f'the dataset has {len(dataset)} samples, and those that it '
                f'concatenates have {offset}: remove `num_batch_per_epoch`'
            )
        return roles
    labelled = {is_labelled(leaf) for leaf in dataset_leaves(dataset)}
    if len(labelled) > 1:
        raise ValueError(
            f'{type(dataset).__name__} wraps labelled and unlabelled samples '
            'together: make the concatenation of the two the outermost dataset'
        )
    indices = list(range(len(dataset)))
    return (indices, []) if labelled == {True} else ([], indices)
