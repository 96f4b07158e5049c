# Copyright (c) mmgmp authors.
from mmaction.registry import HOOKS
from mmengine.dataset import BaseDataset, DefaultSampler, InfiniteSampler
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch.utils.data import BatchSampler

from mmgmp.datasets.samplers.seeded import SeededItems, SeededSampler
from mmgmp.utils.seeding import Stream, derive_seed, seed_generators


@HOOKS.register_module()
class StepSeedHook(Hook):
    """Make random numbers a function of the progress of the training.

    Before each epoch, iteration and validation, the hook seeds the generators
    of Python, numpy and torch with a hash of the seed of the run, the rank and
    the number of the epoch or iteration. Each training sample has a separate
    seed (:class:`~mmgmp.datasets.samplers.seeded.SeededSampler`), so
    augmentation differs between epochs and does not depend on the number of
    workers. No random state has to be stored: a run resumed from a checkpoint
    draws the same numbers as an uninterrupted run.

    Transforms and layers must draw from the global generators. The sampler
    must draw from its own seed and the epoch, as MMEngine's samplers do.
    Validation and test dataloaders are not changed.

    Raises:
        ValueError: Before training, if the batch sampler of the training
            dataloader does not draw from a ``sampler``.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Store whether the seed of the sampler is that of the run.

        Args:
            runner: Runner of the training, validation or test.
        """
        loop = runner._train_loop
        if isinstance(loop, BaseLoop):
            sampler = _sampler(loop.dataloader.batch_sampler)
            seed = getattr(sampler, 'seed', None)
            self._is_seed_of_run = seed == runner.seed

    def before_train(self, runner: Runner) -> None:
        """Seed the samples of the training dataloader.

        Args:
            runner: Runner of the training.
        """
        loop = runner.train_loop
        batch_sampler = loop.dataloader.batch_sampler
        sampler = _sampler(batch_sampler)
        if self._is_seed_of_run:
            # Resuming a run restores its random seed, but after the sampler
            # was built.
            sampler.seed = runner.seed
        self._sampler = _seed_samples(
            batch_sampler, loop.dataloader.dataset, runner.seed
        )
        # Existing workers have the unchanged dataset. A loop by iterations
        # has also drawn from the sampler, so it must restart.
        loop.dataloader._iterator = None
        if hasattr(loop, 'dataloader_iterator'):
            make_iterator = type(loop.dataloader_iterator)
            loop.dataloader_iterator = None
            if isinstance(sampler, InfiniteSampler):
                sampler.indices = sampler._indices_of_rank()
            loop.dataloader_iterator = make_iterator(loop.dataloader)

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed the start of an epoch.

        Args:
            runner: Runner of the training.
        """
        self._sampler.set_epoch(runner.epoch)
        _seed(runner, Stream.EPOCH, runner.epoch)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Seed an iteration: dropout and other draws of the model.

        Args:
            runner: Runner of the training.
            batch_idx: Index of the batch in the epoch.
            data_batch: The batch.
        """
        _seed(runner, Stream.ITERATION, runner.iter)

    def before_val(self, runner: Runner) -> None:
        """Seed a validation.

        Args:
            runner: Runner of the training or validation.
        """
        _seed(runner, Stream.VALIDATION, runner.iter)


def _seed(runner: Runner, stream: Stream, number: int) -> None:
    seed_generators(derive_seed(stream, runner.seed, get_rank(), number))


def _sampler(batch_sampler: BatchSampler) -> DefaultSampler:
    """Return the sampler without a :class:`SeededSampler` around it."""
    sampler = getattr(batch_sampler, 'sampler', None)
    if sampler is None:
        raise ValueError(
            'StepSeedHook seeds the samples through the `sampler` of the '
            'batch sampler of `train_dataloader`, but '
            f'{type(batch_sampler).__name__} has no such attribute: store the '
            'sampler there, or remove StepSeedHook'
        )
    return sampler.sampler if isinstance(sampler, SeededSampler) else sampler


def _seed_samples(
    batch_sampler: BatchSampler, dataset: BaseDataset, seed: int
) -> SeededSampler:
    """Seed each sample by its index. A second call changes nothing.

    The ``sampler`` of the dataloader is not changed, because hooks and loops
    set its epoch.
    """
    seeded = SeededSampler(_sampler(batch_sampler), seed, get_rank())
    batch_sampler.sampler = seeded
    if not isinstance(getattr(dataset, '__getitems__', None), SeededItems):
        dataset.__getitems__ = SeededItems(dataset)
    return seeded
