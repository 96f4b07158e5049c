# Copyright (c) mmgmp authors.
from logging import WARNING

from mmaction.registry import HOOKS
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.logging import print_log

from mmgmp.datasets.wrappers import dataset_leaves


@HOOKS.register_module()
class CorruptSampleHook(Hook):
    """Report the number of corrupt samples that were replaced.

    After each epoch of training, validation or testing, it logs how many
    samples a :class:`~mmgmp.datasets.DomainDataset` with ``on_corrupt='skip'``
    has replaced so far in all processes, unless there are none. It finds
    datasets inside MMEngine's wrappers.
    """

    def after_train_epoch(self, runner) -> None:
        """Report on the training samples."""
        _report('training', runner.train_dataloader.dataset)

    def after_val_epoch(self, runner, metrics=None) -> None:
        """Report on the validation samples."""
        _report('validation', runner.val_dataloader.dataset)

    def after_test_epoch(self, runner, metrics=None) -> None:
        """Report on the test samples."""
        _report('test', runner.test_dataloader.dataset)


def _report(name: str, dataset: object) -> None:
    for leaf in dataset_leaves(dataset):
        if not hasattr(leaf, 'corrupt'):
            continue
        flags = leaf.corrupt.clone()
        all_reduce(flags, op='max')
        count = int(flags.sum())
        if count:
            print_log(
                f'{count} of {len(flags)} {name} samples are corrupt and '
                'were replaced by others of their domains',
                logger='current',
                level=WARNING,
            )
