# Copyright (c) mmgmp authors.
from logging import WARNING

from mmaction.registry import HOOKS
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.logging import print_log

from mmgmp.datasets.wrappers import dataset_leaves
from mmgmp.evaluation.stock_metrics import leave_out_replacements


@HOOKS.register_module()
class CorruptSampleHook(Hook):
    """Leave corrupt samples out of the scores, and report their number.

    A :class:`~mmgmp.datasets.DomainDataset` with ``on_corrupt='skip'``
    replaces corrupt samples. In validation and testing, no metric sees the
    replacements. After each epoch of training, validation or testing, the
    hook logs how many samples were replaced or left out so far in all
    processes, unless there are none. It finds datasets inside MMEngine's
    wrappers.

    Raises:
        ValueError: Samples are left out, and a metric does not store one
            result for each sample, or no sample remains.
    """

    def before_val_epoch(self, runner) -> None:
        """Leave the replacements out of the validation."""
        leave_out_replacements(runner.val_loop.evaluator)

    def before_test_epoch(self, runner) -> None:
        """Leave the replacements out of the test."""
        leave_out_replacements(runner.test_loop.evaluator)

    def after_train_epoch(self, runner) -> None:
        """Report on the training samples."""
        _report('training', runner.train_dataloader.dataset, _REPLACED)

    def after_val_epoch(self, runner, metrics=None) -> None:
        """Report on the validation samples."""
        _report('validation', runner.val_dataloader.dataset, _LEFT_OUT)

    def after_test_epoch(self, runner, metrics=None) -> None:
        """Report on the test samples."""
        _report('test', runner.test_dataloader.dataset, _LEFT_OUT)


_REPLACED = 'were replaced by others of their domains'
_LEFT_OUT = 'were left out of the scores'


def _report(name: str, dataset: object, fate: str) -> None:
    for leaf in dataset_leaves(dataset):
        if not hasattr(leaf, 'corrupt'):
            continue
        flags = leaf.corrupt.clone()
        all_reduce(flags, op='max')
        count = int(flags.sum())
        if count:
            print_log(
                f'{count} of {len(flags)} {name} samples are corrupt and '
                f'{fate}',
                logger='current',
                level=WARNING,
            )
