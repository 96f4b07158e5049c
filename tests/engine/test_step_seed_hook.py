# Copyright (c) mmgmp authors.
"""StepSeedHook: draws depend only on the progress of the training."""

from itertools import combinations

import pytest
import torch
from mmaction.registry import DATA_SAMPLERS
from mmengine.hooks import Hook
from torch.utils.data import RandomSampler

from mmgmp.datasets.samplers.seeded import SeededSampler
from mmgmp.engine.hooks import step_seed_hook
from tests.utils.toy_run import NUM_SAMPLES, toy_cfg
from tests.utils.toy_run import toy_runner as build

LOADER = 'train_dataloader'
WORKERS = [(0, False), (1, False), (2, False), (2, True)]
BY_ITERATION = {
    'train_cfg': dict(
        _delete_=True, by_epoch=False, max_iters=6, val_interval=6
    ),
    f'{LOADER}.sampler.type': 'InfiniteSampler',
    'default_hooks.checkpoint.by_epoch': False,
}


@DATA_SAMPLERS.register_module()
class ToyPlainSampler(RandomSampler):
    """A sampler without an epoch that draws from torch's global generator."""

    def __init__(self, dataset, seed=None):
        super().__init__(dataset)


@DATA_SAMPLERS.register_module()
class ToyBatchSampler:
    """A batch sampler that has no sampler."""

    def __init__(self, sampler, batch_size):
        self.batches = [[0, 1]]

    def __iter__(self):
        return iter(self.batches)

    def __len__(self):
        return len(self.batches)


def train(tmp_path, **options):
    runner = build(toy_cfg(tmp_path, **options))
    runner.train()
    # Stop the workers of an iteration-based loop or persistent dataloader.
    runner.train_loop.dataloader_iterator = None
    runner.train_dataloader._iterator = None
    return runner


def record(tmp_path, **options):
    """(draws by sample, dropout mask) of each iteration."""
    return train(tmp_path, **options).model.record


def epochs(record):
    """Draws of each sample, by epoch."""
    return [
        {**record[i][0], **record[i + 1][0]} for i in range(0, len(record), 2)
    ]


def equal(first, second):
    return len(first) == len(second) and all(
        a[0] == b[0] and torch.equal(a[1], b[1])
        for a, b in zip(first, second, strict=True)
    )


@pytest.fixture(scope='module')
def reference(tmp_path_factory):
    return record(tmp_path_factory.mktemp('reference'))


def test_augmentation_and_dropout_are_new_every_time(reference):
    draws = [value for epoch in epochs(reference) for value in epoch.items()]
    assert len(draws) == 3 * NUM_SAMPLES
    for (_, first), (_, second) in combinations(draws, 2):
        assert not set(first) & set(second)
    for (_, first), (_, second) in combinations(reference, 2):
        assert not torch.equal(first, second)


def test_two_runs_agree_and_two_seeds_do_not(reference, tmp_path):
    assert equal(reference, record(tmp_path / '1'))
    other = record(tmp_path / '2', randomness=dict(seed=4))
    for first, second in zip(epochs(reference), epochs(other)):
        assert all(first[i] != second[i] for i in range(NUM_SAMPLES))
    assert not torch.equal(reference[0][1], other[0][1])


@pytest.mark.parametrize('workers, persistent', WORKERS[1:])
def test_workers_play_no_part(workers, persistent, reference, tmp_path):
    options = {
        f'{LOADER}.num_workers': workers,
        f'{LOADER}.persistent_workers': persistent,
    }
    assert equal(reference, record(tmp_path, **options))


def test_batch_size_plays_no_part(reference, tmp_path):
    other = record(tmp_path, **{f'{LOADER}.batch_size': 8})
    assert [draws for draws, _ in other] == epochs(reference)


def test_ranks_share_augmentation_and_have_their_own_dropout(
    reference, tmp_path, monkeypatch
):
    monkeypatch.setattr(step_seed_hook, 'get_rank', lambda: 1)
    other = record(tmp_path)
    assert epochs(other) == epochs(reference)
    for (_, first), (_, second) in zip(reference, other):
        assert not torch.equal(first, second)


@pytest.fixture(scope='module')
def by_iteration(tmp_path_factory):
    return record(tmp_path_factory.mktemp('by_iteration'), **BY_ITERATION)


@pytest.mark.parametrize('workers, persistent', WORKERS)
def test_loop_by_iterations(workers, persistent, by_iteration, tmp_path):
    options = {
        **BY_ITERATION,
        f'{LOADER}.num_workers': workers,
        f'{LOADER}.persistent_workers': persistent,
        'default_hooks.checkpoint.interval': 2,
    }
    whole = record(tmp_path / 'whole', **options)
    assert equal(whole, by_iteration)
    plain = record(tmp_path / 'plain', **{**BY_ITERATION, 'custom_hooks': []})
    assert [{*draws} for draws, _ in whole] == [{*draws} for draws, _ in plain]
    for first, second in combinations(epochs(whole), 2):
        assert all(first[i] != second[i] for i in range(NUM_SAMPLES))
    options['train_cfg'] = dict(options['train_cfg'], max_iters=2)
    first = record(tmp_path, **options)
    options['train_cfg'] = BY_ITERATION['train_cfg']
    rest = record(tmp_path, resume=True, **options)
    assert equal(whole, first + rest)


@pytest.mark.parametrize('sampler', ['DefaultSampler', 'ToyPlainSampler'])
def test_loop_by_iterations_that_restarts_the_dataloader(
    sampler, tmp_path, monkeypatch
):
    monkeypatch.setattr('mmengine.runner.loops.time.sleep', lambda _: None)
    options = {**BY_ITERATION, f'{LOADER}.sampler.type': sampler}
    options['train_cfg'] = dict(options['train_cfg'], max_iters=4)
    if sampler == 'ToyPlainSampler':
        options[f'{LOADER}.sampler'] = dict(type=sampler, _delete_=True)
    first, second = epochs(record(tmp_path, **options))
    assert all(first[i] != second[i] for i in range(NUM_SAMPLES))


def test_sampler_without_epoch(tmp_path):
    sampler = dict(type='ToyPlainSampler', _delete_=True)
    options = {f'{LOADER}.sampler': sampler}
    first, second, third = epochs(record(tmp_path, **options))
    for i in range(NUM_SAMPLES):
        assert len({first[i], second[i], third[i]}) == 3


@pytest.mark.parametrize('loop', [{}, BY_ITERATION], ids=['epoch', 'iter'])
def test_resume_of_a_run_that_drew_its_seed(loop, tmp_path):
    options = {**loop, 'randomness.seed': None}
    runner = train(tmp_path / 'whole', **options)
    whole = runner.model.record
    options['default_hooks.checkpoint.interval'] = 2 if loop else 1
    options['randomness.seed'] = runner.seed
    shorter = dict(max_iters=2) if loop else dict(max_epochs=1)
    short = {**options, 'train_cfg': {**loop.get('train_cfg', {}), **shorter}}
    first = record(tmp_path, **short)
    options['randomness.seed'] = None
    rest = record(tmp_path, resume=True, **options)
    assert equal(whole, first + rest)


def test_given_seed_of_the_sampler_stays(tmp_path):
    options = {f'{LOADER}.sampler.seed': 11}
    runner = train(tmp_path, **options)
    assert runner.train_dataloader.sampler.seed == 11


def test_training_twice_seeds_once(tmp_path):
    runner = build(toy_cfg(tmp_path, epochs=1))
    runner.train()
    runner.train()
    sampler = runner.train_dataloader.batch_sampler.sampler
    assert isinstance(sampler, SeededSampler)
    assert sampler.sampler is runner.train_dataloader.sampler
    items = runner.train_dataloader.dataset.__getitems__
    assert items.read_batch is None


def test_wrapped_dataset(reference, tmp_path):
    dataset = dict(
        type='RepeatDataset',
        _delete_=True,
        times=1,
        dataset=dict(type='ToyNoiseDataset'),
    )
    options = {f'{LOADER}.dataset': dataset}
    assert equal(reference, record(tmp_path, **options))


def test_validation_is_seeded_and_not_wrapped(tmp_path):
    class DrawHook(Hook):
        draws = []

        def after_train_epoch(self, runner):
            torch.rand(len(self.draws))

        def before_val_epoch(self, runner):
            self.draws.append(float(torch.rand(())))

    # The second run draws more numbers before each validation.
    for name in ('1', '2'):
        runner = build(toy_cfg(tmp_path / name, epochs=2))
        runner.register_hook(DrawHook())
        runner.train()
    first, second, *again = DrawHook.draws
    assert first != second and [first, second] == again
    sampler = runner.val_dataloader.batch_sampler.sampler
    assert not isinstance(sampler, SeededSampler)
    assert not hasattr(runner.val_dataloader.dataset, '__getitems__')


def test_batch_sampler_without_sampler(tmp_path):
    options = {f'{LOADER}.batch_sampler': dict(type='ToyBatchSampler')}
    with pytest.raises(ValueError, match='`sampler`.*ToyBatchSampler'):
        train(tmp_path, **options)
