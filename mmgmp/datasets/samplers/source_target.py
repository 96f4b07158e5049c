# Copyright (c) mmgmp authors.
"""Batches with fixed numbers of source and unlabelled target samples."""

from collections.abc import Iterator, Sized

import numpy as np
from mmaction.registry import DATA_SAMPLERS
from mmengine.dataset import DefaultSampler
from torch.utils.data import BatchSampler, Sampler

from mmgmp.utils.seeding import Stream, derive_seed

from ..wrappers import dataset_leaves, is_labelled
from .seeded import SeededIndex

SOURCE, TARGET = 0, 1


@DATA_SAMPLERS.register_module()
class SourceTargetBatchSampler(BatchSampler):
    """Batches with fixed numbers of source and unlabelled target samples.

    ``num_target`` of the ``batch_size`` samples come from the target;
    :class:`SourceTargetSampler` defines an epoch. The batch sampler replaces
    the shuffling ``sampler`` of the dataloader and takes over its dataset,
    seed and rank. It works with stock loops and hooks.

    Args:
        sampler: Shuffling sampler of MMEngine, given by the Runner.
        batch_size: Samples in a batch on one rank, given by the Runner.
        num_target: Target samples in a batch on one rank. With 0, and
            ``batch_size`` reduced to the source samples, the batches have the
            same source samples and no target samples: the source-only
            baseline.

    Raises:
        ValueError: If ``sampler`` does not shuffle, or a number is out of
            range; see :class:`SourceTargetSampler`.

    Example::

        train_dataloader = dict(
            batch_size=32,
            sampler=dict(type='DefaultSampler', shuffle=True),
            batch_sampler=dict(
                type='SourceTargetBatchSampler', num_target=16),
            drop_last=False,  # batches are always full
            dataset=dict(
                type='ConcatDataset',
                ignore_keys=['domains'],
                datasets=[
                    dict(type='HACDataset', domains=['human'], ...),
                    dict(
                        type='HACDataset',
                        domains=['cartoon'],
                        source_domains=['human'],
                        labelled=False,
                        ...)]))
    """

    def __init__(
        self, sampler: DefaultSampler, batch_size: int, num_target: int
    ) -> None:
        shuffle = getattr(sampler, 'shuffle', None)
        if not shuffle:
            raise ValueError(
                '`sampler` must be a sampler of MMEngine with shuffle=True, '
                f'which {type(self).__name__} replaces, got '
                f'{type(sampler).__name__} with shuffle={shuffle}'
            )
        super().__init__(
            SourceTargetSampler(
                sampler.dataset,
                batch_size - num_target,
                num_target,
                sampler.seed,
                sampler.rank,
                sampler.world_size,
            ),
            batch_size,
            drop_last=True,
        )


class SourceTargetSampler(Sampler):
    """Indices of batches with fixed numbers of source and target samples.

    A batch has ``num_source`` indices of labelled samples, then ``num_target``
    indices of unlabelled ones. If ``num_target`` is 0, the source samples are
    the same and the target is not read, for comparison. An epoch is one pass
    over the source. The target is cycled: a pass over it may span several
    epochs, and each pass has a new permutation. At the end of each pass,
    samples that do not fill a batch on all ranks are left out, so no sample
    occurs twice in a batch.

    All ranks have the same number of batches, with different samples.
    Together, the batches of n ranks equal those of one rank with n times as
    many samples per batch. The seed and the epoch determine all batches. The
    seed, the number of the pass and the index determine the augmentation of a
    sample.

    Args:
        dataset: Concatenation of datasets with and without labels, see
            :func:`role_indices`.
        num_source: Source samples in a batch of one rank.
        num_target: Target samples in a batch of one rank, or 0.
        seed: Seed of the run, the same on all ranks.
        rank: Rank of this process.
        world_size: Number of ranks.

    Raises:
        ValueError: If ``num_source`` is less than 1, ``num_target`` is less
            than 0, or the dataset has too few samples; see also
            :func:`role_indices`.
    """

    def __init__(
        self,
        dataset: Sized,
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
            if not isinstance(count, int):
                raise ValueError(
                    f'the number of {name} samples must be an integer, got '
                    f'{count!r}: change `batch_size` or `num_target`'
                )
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
        orders: dict[tuple[int, int], np.ndarray] = {}
        for number in range(first, first + num_batches):
            for role in (SOURCE, TARGET) if self.counts[TARGET] else (SOURCE,):
                yield from self._draw(role, number, orders)

    def __len__(self) -> int:
        """Number of indices of an epoch."""
        return self.batches_per_pass[SOURCE] * sum(self.counts)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch.

        Args:
            epoch: Number of the epoch, from 0.
        """
        self.epoch = epoch

    def _draw(
        self, role: int, number: int, orders: dict[tuple[int, int], np.ndarray]
    ) -> Iterator[SeededIndex]:
        """Yield the samples of a role in a batch.

        Args:
            role: ``SOURCE`` or ``TARGET``.
            number: Number of the batch, counted over all epochs.
            orders: (role, pass) -> permutation of the indices, filled here.
        """
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


def role_indices(dataset: Sized) -> tuple[list[int], list[int]]:
    """Find the indices of the labelled and of the unlabelled samples.

    Args:
        dataset: Dataset, or concatenation (``datasets``) of datasets, wrapped
            or not. The attribute ``labelled`` of each states whether its
            samples have labels.

    Raises:
        ValueError: If a wrapper other than the concatenation holds both, or
            the concatenation is sliced.
    """
    if hasattr(dataset, 'datasets'):
        roles: tuple[list[int], list[int]] = ([], [])
        offset = 0
        for part in dataset.datasets:
            for role, indices in zip(roles, role_indices(part), strict=True):
                role.extend(offset + index for index in indices)
            offset += len(part)
        if offset != len(dataset):
            raise ValueError(
                f'the dataset has {len(dataset)} samples, but the datasets '
                f'that it concatenates have {offset}: remove '
                '`num_batch_per_epoch`'
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
