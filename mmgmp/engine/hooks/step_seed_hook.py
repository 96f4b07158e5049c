# Copyright (c) mmgmp authors.
from mmaction.registry import HOOKS
from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch.utils.data import DataLoader, Sampler

from mmgmp.datasets.samplers.seeded import SeededItems, SeededSampler
from mmgmp.utils.seeding import Stream, derive_seed, seed_generators


@HOOKS.register_module()
class StepSeedHook(Hook):
    """Make random numbers a function of the place in the training.

    Before each epoch, iteration and validation the generators of Python,
    numpy and torch are seeded with a hash of the run's seed, the rank and the
    number of that epoch or iteration. Each training sample is read with a seed
    of its own (:class:`~mmgmp.datasets.samplers.seeded.SeededSampler`), so
    augmentation differs from epoch to epoch and is the same for any number of
    workers. No random state has to be stored: a run resumed from a
    checkpoint draws what it would have drawn uninterrupted.

    Transforms and layers must draw from the global generators, and the
    sampler from a seed of its own and the epoch, as MMEngine's do. Validation
    and test dataloaders stay as they are.

    Raises:
        ValueError: Before training, if the training dataloader has a batch
            sampler that does not draw from a ``sampler``.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Note whether the sampler has its seed from the run.

        Args:
            runner: Runner of the training, validation or test.
        """
        loop = runner._train_loop
        if isinstance(loop, BaseLoop):
            sampler = _sampler(loop.dataloader)
            seed = getattr(sampler, 'seed', None)
            self._is_seed_of_run = seed == runner.seed

    def before_train(self, runner: Runner) -> None:
        """Seed the samples of the training dataloader.

        Args:
            runner: Runner of the training.
        """
        loop = runner.train_loop
        sampler = _sampler(loop.dataloader)
        if self._is_seed_of_run:
            # Resuming a run that drew its seed brings that seed back, after
            # the sampler was made.
            sampler.seed = runner.seed
        self._sampler = _seed_samples(loop.dataloader, sampler, runner.seed)
        # Workers that exist already have the dataset as it was. A loop by
        # iterations has drawn from the sampler, too, and starts anew.
        loop.dataloader._iterator = None
        if hasattr(loop, 'dataloader_iterator'):
            make_iterator = type(loop.dataloader_iterator)
            loop.dataloader_iterator = None
            if isinstance(sampler, InfiniteSampler):
                sampler.indices = sampler._indices_of_rank()
            loop.dataloader_iterator = make_iterator(loop.dataloader)

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed what an epoch begins with.

        Args:
            runner: Runner of the training.
        """
        self._sampler.set_epoch(runner.epoch)
        _seed(runner, Stream.EPOCH, runner.epoch)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Seed an iteration: dropout and whatever else the model draws.

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


def _sampler(dataloader: DataLoader) -> Sampler:
    """The sampler as it was built."""
    sampler = getattr(dataloader.batch_sampler, 'sampler', None)
    if sampler is None:
        raise ValueError(
            'StepSeedHook seeds the samples by the `sampler` that the batch '
            'sampler of `train_dataloader` draws from, and '
            f'{type(dataloader.batch_sampler).__name__} has no such '
            'attribute: keep the sampler there, or remove StepSeedHook'
        )
    return sampler.sampler if isinstance(sampler, SeededSampler) else sampler


def _seed_samples(
    dataloader: DataLoader, sampler: Sampler, seed: int
) -> SeededSampler:
    """Seed each sample by its index; twice is as good as once.

    ``dataloader.sampler`` stays, for the hook and loop that set its epoch.
    """
    seeded = SeededSampler(sampler, seed, get_rank())
    dataloader.batch_sampler.sampler = seeded
    dataset = dataloader.dataset
    if not isinstance(getattr(dataset, '__getitems__', None), SeededItems):
        dataset.__getitems__ = SeededItems(dataset)
    return seeded
