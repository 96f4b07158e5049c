# Copyright (c) mmgmp authors.
"""Fixed numbers of each role, one pass over the source, a cycled target."""

from itertools import chain
from types import SimpleNamespace

import pytest
from mmaction.registry import DATA_SAMPLERS
from mmengine.dataset import DefaultSampler
from torch.utils.data import ConcatDataset, Dataset, Subset

from mmgmp.datasets import SourceTargetBatchSampler
from mmgmp.datasets.samplers.seeded import SeededIndex, SeededSampler
from mmgmp.datasets.samplers.source_target import (
    SourceTargetSampler,
    role_indices,
)


class Leaf(Dataset):
    def __init__(self, size, labelled=True):
        self.size, self.labelled = size, labelled

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return index


# Sources 0 to 9 and 17 to 20, target 10 to 16.
DATASET = ConcatDataset([Leaf(10), Leaf(7, False), Leaf(4)])
SOURCES = {*range(10), *range(17, 21)}
TARGETS = {*range(10, 17)}


def batches(epoch=0, num_source=4, num_target=2, seed=5, **kwargs):
    sampler = SourceTargetSampler(
        DATASET, num_source, num_target, seed, **kwargs
    )
    sampler.set_epoch(epoch)
    indices = list(sampler)
    assert len(indices) == len(sampler)
    size = num_source + num_target
    return [indices[i : i + size] for i in range(0, len(indices), size)]


def draws(role, epochs, num_source=4, **kwargs):
    """Indices of a role in each batch of some epochs."""
    part = slice(num_source) if role == 'source' else slice(num_source, None)
    return [
        batch[part]
        for epoch in epochs
        for batch in batches(epoch, num_source, **kwargs)
    ]


def test_each_batch_has_fixed_numbers():
    for epoch in range(4):
        found = batches(epoch)
        assert len(found) == 3  # of 14 // 4
        for batch in found:
            assert [i in SOURCES for i in batch] == [True] * 4 + [False] * 2


def test_epoch_is_one_pass_over_the_source():
    passes = [
        list(chain(*draws('source', [epoch], num_source=3)))
        for epoch in range(40)
    ]
    for indices in passes:
        assert len(indices) == len({*indices}) == 12  # 4 batches of 14 // 3
    assert len({*map(tuple, passes)}) == 40
    # Each pass leaves out other samples.
    assert {i for p in passes for i in SOURCES - {*p}} == SOURCES


def test_target_is_cycled_through_the_epochs():
    # 3 batches an epoch, and 3 batches of 2 are a pass over 7.
    found = draws('target', range(30), num_target=2)
    passes = [list(chain(*found[i : i + 3])) for i in range(0, len(found), 3)]
    assert len(passes) == 30
    for indices in passes:
        assert len({*indices}) == 6 and {*indices} <= TARGETS
    assert len({*map(tuple, passes)}) == 30
    assert {i for p in passes for i in TARGETS - {*p}} == TARGETS


def test_pass_over_the_target_goes_on_in_the_next_epoch():
    # 3 batches an epoch, and 7 batches of 1 are a pass.
    found = list(chain(*draws('target', range(7), num_target=1)))
    assert len(found) == 21
    for i in (0, 7, 14):
        assert {*found[i : i + 7]} == TARGETS


def test_short_target_is_cycled_within_an_epoch():
    found = list(chain(*draws('target', [0], num_source=1, num_target=3)))
    assert len(found) == 42  # 14 batches, 2 of them a pass
    for i in range(0, 42, 6):
        assert len({*found[i : i + 6]}) == 6


def test_order_is_that_of_the_seed_and_the_epoch():
    assert batches(2) == batches(2)
    assert batches(2) != batches(3)
    assert batches(2) != batches(2, seed=6)
    # Roles with equal numbers of samples have different permutations.
    dataset = ConcatDataset([Leaf(50), Leaf(50, False)])
    indices = list(SourceTargetSampler(dataset, 50, 50, seed=0))
    assert indices[:50] != [i - 50 for i in indices[50:]]


def test_each_draw_has_its_own_augmentation():
    seeds = [
        index.seed
        for seed in (0, 1)
        for epoch in range(4)
        for batch in batches(epoch, seed=seed, num_target=6)
        for index in batch
    ]
    assert len({*seeds}) == len(seeds) == 2 * 4 * 3 * 10


def test_ranks_share_what_one_has():
    for epoch in (0, 3):
        whole = batches(epoch, num_source=4, num_target=2)
        parts = [
            batches(epoch, 2, 1, rank=rank, world_size=2) for rank in (0, 1)
        ]
        assert [len(part) for part in parts] == [3, 3]
        for batch, first, second in zip(whole, *parts, strict=True):
            assert not {*first} & {*second}
            joined = {i: i.seed for i in first + second}
            assert joined == {i: i.seed for i in batch}


def test_source_only_has_the_same_source_batches():
    for epoch in range(3):
        both, alone = batches(epoch, 4, 2), batches(epoch, 4, 0)
        assert [batch[:4] for batch in both] == alone
        assert [[i.seed for i in batch[:4]] for batch in both] == [
            [i.seed for i in batch] for batch in alone
        ]


def test_source_only_needs_no_target():
    sampler = SourceTargetSampler(DATASET.datasets[0], 1, 0, seed=0)
    assert len(list(sampler)) == len(sampler)


def test_seeds_stay_with_the_run_that_seeds_samples():
    sampler = SourceTargetSampler(DATASET, 4, 2, seed=5)
    seeded = SeededSampler(sampler, seed=9, rank=1)
    seeded.set_epoch(2)
    assert sampler.epoch == 2
    expected = list(chain(*batches(2)))
    for index, wanted in zip(seeded, expected, strict=True):
        assert isinstance(index, SeededIndex)
        assert (index, index.seed) == (wanted, wanted.seed)


@pytest.mark.parametrize(
    ('counts', 'world_size', 'words'),
    [
        ((0, 2), 1, 'batches of 0 source samples'),
        ((-1, 2), 1, 'batches of -1 source samples'),
        ((4, -1), 1, 'batches of -1 target samples'),
        ((4, 2.5), 1, 'of target samples must be an integer, got 2.5'),
        ((15, 2), 1, 'from 14 source samples'),
        ((4, 8), 1, 'from 7 target samples'),
        ((4, 4), 2, '4 target samples on each of 2 ranks'),
    ],
)
def test_numbers_that_do_not_fit(counts, world_size, words):
    with pytest.raises(ValueError, match=words):
        SourceTargetSampler(DATASET, *counts, seed=0, world_size=world_size)


def test_roles_inside_wrappers():
    nested = ConcatDataset(
        [
            ConcatDataset([Leaf(2, False), Leaf(1)]),
            Subset(Leaf(9), [3, 4]),
            Subset(Leaf(9, False), [0]),
        ]
    )
    assert role_indices(nested) == ([2, 3, 4], [0, 1, 5])
    assert role_indices(Leaf(2)) == ([0, 1], [])
    with pytest.raises(ValueError, match='Subset wraps labelled and unlab'):
        role_indices(Subset(DATASET, [0, 11]))


def test_sliced_dataset_is_refused():
    class Sliced(Leaf):
        datasets = DATASET.datasets

    with pytest.raises(ValueError, match='5 samples.*21.*num_batch_per_epoch'):
        role_indices(Sliced(5))


# --- the batch sampler -------------------------------------------------------


def build(monkeypatch, rank=0, world_size=1, **kwargs):
    monkeypatch.setattr(
        'mmengine.dataset.sampler.get_dist_info', lambda: (rank, world_size)
    )
    return DATA_SAMPLERS.build(
        dict(
            type='SourceTargetBatchSampler',
            num_target=1,
            **kwargs,
        ),
        default_args=dict(
            sampler=DefaultSampler(DATASET, seed=5), batch_size=3
        ),
    )


def test_batch_sampler(monkeypatch):
    sampler = build(monkeypatch)
    sampler.sampler.set_epoch(1)
    assert len(sampler) == 7
    assert list(sampler) == batches(1, 2, 1)


def test_batch_sampler_of_a_rank(monkeypatch):
    for rank in (0, 1):
        sampler = build(monkeypatch, rank, 2)
        assert len(sampler) == 3
        expected = batches(0, 2, 1, rank=rank, world_size=2)
        assert list(sampler) == expected


@pytest.mark.parametrize(
    'sampler',
    [DefaultSampler(DATASET, shuffle=False, seed=0), SimpleNamespace()],
)
def test_batch_sampler_shuffles(sampler):
    with pytest.raises(ValueError, match='shuffle=True'):
        SourceTargetBatchSampler(sampler, batch_size=3, num_target=1)
