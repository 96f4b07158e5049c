# Copyright (c) mmgmp authors.
"""Each use of a sample has its own seed, for any number of ranks."""

import pickle

import pytest
from mmengine.dataset import DefaultSampler, InfiniteSampler
from torch.utils.data import BatchSampler

from mmgmp.datasets.samplers.seeded import (
    SeededIndex,
    SeededItems,
    SeededSampler,
)

DATASET = range(7)


def seeded(index_and_seed):
    return {int(index): index.seed for index in index_and_seed}


def sampler_of_rank(monkeypatch, kind, rank, world_size, seed=5, epoch=0):
    monkeypatch.setattr(
        'mmengine.dataset.sampler.get_dist_info', lambda: (rank, world_size)
    )
    sampler = SeededSampler(kind(DATASET, seed=seed), seed, rank)
    sampler.set_epoch(epoch)
    return sampler


def test_index_is_an_int_and_keeps_its_seed_in_a_pickle():
    index = pickle.loads(pickle.dumps(SeededIndex(3, 2**32 - 1)))
    assert list(DATASET)[index] == 3
    assert (int(index), index.seed) == (3, 2**32 - 1)


def test_seeds_differ_by_index_epoch_and_seed(monkeypatch):
    seeds = [
        s
        for seed in (0, 1)
        for epoch in (0, 1, 2)
        for s in seeded(
            sampler_of_rank(monkeypatch, DefaultSampler, 0, 1, seed, epoch)
        ).values()
    ]
    assert len(set(seeds)) == len(seeds) == 42
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_ranks_share_what_one_rank_has(monkeypatch):
    parts = [
        list(sampler_of_rank(monkeypatch, DefaultSampler, rank, 2, epoch=3))
        for rank in (0, 1)
    ]
    assert [len(part) for part in parts] == [4, 4]
    whole = sampler_of_rank(monkeypatch, DefaultSampler, 0, 1, epoch=3)
    assert {**seeded(parts[0]), **seeded(parts[1])} == seeded(whole)


def test_infinite_sampler_never_repeats(monkeypatch):
    seeds = []
    for rank in (0, 1):
        sampler = sampler_of_rank(monkeypatch, InfiniteSampler, rank, 2)
        indices = iter(sampler)
        seeds += [next(indices).seed for _ in range(35)]
    assert len(set(seeds)) == 70


def test_repeated_passes_and_set_epoch(monkeypatch):
    sampler = sampler_of_rank(monkeypatch, DefaultSampler, 0, 1)
    first, second = seeded(sampler), seeded(sampler)
    assert first.keys() == second.keys()
    assert all(first[i] != second[i] for i in first)
    # Setting the same epoch again does not repeat the seeds.
    sampler.set_epoch(0)
    third = seeded(sampler)
    assert all(third[i] not in (first[i], second[i]) for i in first)
    sampler.set_epoch(1)
    assert sampler.sampler.epoch == 1
    sampler.set_epoch(0)
    assert seeded(sampler) == first


def test_batch_sampler_sees_the_other_sampler(monkeypatch):
    sampler = sampler_of_rank(monkeypatch, DefaultSampler, 0, 1)
    assert len(sampler) == 7 and sampler.dataset is DATASET
    assert len(BatchSampler(sampler, 3, drop_last=True)) == 2
    with pytest.raises(AttributeError, match='colour'):
        sampler.colour  # noqa: B018
    assert pickle.loads(pickle.dumps(sampler)).seed == 5


class Batches:
    """A dataset that reads batches by itself."""

    def __init__(self):
        self.calls = []

    def __getitems__(self, indices):
        import random

        self.calls.append(indices)
        return [random.random() for _ in indices]


def test_dataset_with_getitems_is_seeded_by_the_batch():
    dataset = Batches()
    items = SeededItems(dataset)
    first = items([SeededIndex(4, 1), SeededIndex(2, 9)])
    assert dataset.calls == [[4, 2]] and type(dataset.calls[0][0]) is int
    assert items([SeededIndex(4, 1), SeededIndex(2, 8)]) == first
    assert items([SeededIndex(4, 2), SeededIndex(2, 9)]) != first
