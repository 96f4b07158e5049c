# Copyright (c) mmgmp authors.
import os
from collections.abc import Iterator
from copy import deepcopy

from mmaction.registry import DATASETS, HOOKS
from mmengine.dataset import BaseDataset
from mmengine.hooks import CheckpointHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch.utils.data import DataLoader, Dataset

from mmgmp.datasets.wrappers import (
    CLIP_IDENTITY,
    dataset_domains,
    dataset_leaves,
    domain_names,
    is_labelled,
)
from mmgmp.evaluation.metrics.domain_acc_metric import POOLED, WORST


def _dataset_of(
    loop: BaseLoop | dict | None, loader: DataLoader | dict | None
) -> Dataset | None:
    """Return the dataset of a loop that the Runner may not have built yet.

    It builds only the dataset, not the loop, so the runner does not change.
    """
    if loader is None:
        return None
    if isinstance(loop, BaseLoop):
        return loop.dataloader.dataset
    if isinstance(loader, DataLoader):
        return loader.dataset
    dataset = loader['dataset']
    if isinstance(dataset, dict):
        return DATASETS.build(deepcopy(dataset))
    return dataset


def _clips(leaf: BaseDataset) -> Iterator[tuple]:
    """Yield the identity of each clip of a dataset."""
    if hasattr(leaf, 'get_data_info'):
        for index in range(len(leaf)):
            info = leaf.get_data_info(index)
            if 'filename' in info:
                yield tuple(map(info.get, CLIP_IDENTITY))


@HOOKS.register_module()
class DomainProtocolHook(Hook):
    """Check before training that the labels of the target stay unseen.

    The training domains are those of the labelled training datasets. They
    exclude an unlabelled target to which a method adapts (``labelled=False``
    of :class:`~mmgmp.datasets.DomainDataset`).

    * No domain of the test dataset is a training domain, and no domain is
      both a training domain and an unlabelled target. Test clips among the
      unlabelled clips are permitted, with a warning.
    * A resumed checkpoint was not trained on the target. Other weights that
      were (``load_from``) are permitted, with a warning.
    * No domain has a name under which the accuracies of several domains are
      stored, ``all`` or ``worst``.
    * Model selection (``save_best``) uses the training domains: the
      validation dataset has no labels of other domains.
    * Each module with an integer ``num_domains`` has the number of training
      domains, and concatenated datasets number the domains equally.

    The hook reads the domains from ``metainfo['domains']`` of the datasets.
    It logs them, with the modalities and the environment variables
    ``MMGMP_*`` that the configs read.

    Args:
        allow_target_selection: Permit selection on other domains, the oracle
            that some papers report as an upper bound. It logs a warning.

    Raises:
        ValueError: A check fails, before training.
    """

    def __init__(self, allow_target_selection: bool = False) -> None:
        self.allow_target_selection = allow_target_selection
        self._trained_before: tuple[str, ...] = ()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Store the domains on which the loaded weights were trained.

        Args:
            runner: The runner.
            checkpoint: The loaded checkpoint.
        """
        meta = checkpoint.get('meta', {}).get('dataset_meta') or {}
        self._trained_before = tuple(meta.get('domains', ()))

    def before_train(self, runner: Runner) -> None:
        """Run the checks.

        Args:
            runner: Runner of the training.
        """
        train = runner.train_dataloader.dataset
        leaves = dataset_leaves(train)
        labelled = list(filter(is_labelled, leaves))
        unlabelled = [leaf for leaf in leaves if not is_labelled(leaf)]
        sources = dataset_domains(train, labelled_only=True)
        test = _dataset_of(runner._test_loop, runner._test_dataloader)
        targets = () if test is None else dataset_domains(test)
        self._check_names(sources + targets)
        self._log(runner, sources, unlabelled, targets)
        self._check_unlabelled(sources, unlabelled)
        if test is not None:
            self._check_target(sources, targets)
            self._check_loaded(runner, targets)
            self._warn_of_tested_clips(runner, unlabelled, test)
        val = _dataset_of(runner._val_loop, runner._val_dataloader)
        if val is not None:
            validated = dataset_domains(val, labelled_only=True)
            self._check_selection(runner, sources, validated)
        self._check_num_domains(runner, labelled, sources)

    @staticmethod
    def _log(
        runner: Runner, sources: tuple, unlabelled: list, targets: tuple
    ) -> None:
        adapted = dict.fromkeys(
            domain for leaf in unlabelled for domain in domain_names(leaf)
        )
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        modalities = getattr(model, 'modality_modules', ())
        variables = [
            f'{name}={value}'
            for name, value in sorted(os.environ.items())
            if name.startswith('MMGMP_')
        ]
        parts = (
            ('trained on ', sources, ' (labelled)'),
            ('adapted to ', adapted, ' (unlabelled)'),
            ('tested on ', targets, ''),
            ('modalities ', modalities, ''),
            ('set in the environment: ', variables, ''),
        )
        runner.logger.info(
            'domains: '
            + '; '.join(a + ', '.join(x) + b for a, x, b in parts if x)
        )

    @staticmethod
    def _check_names(domains: tuple) -> None:
        if taken := [d for d in domains if d in (POOLED, WORST)]:
            raise ValueError(
                f'a domain cannot be called {taken[0]!r}, because results are '
                'stored under this name: rename it in the dataset'
            )

    @staticmethod
    def _check_unlabelled(sources: tuple, unlabelled: list) -> None:
        if unlabelled and not sources:
            raise ValueError(
                'no dataset of `train_dataloader` has labels: concatenate the '
                'unlabelled target with a source'
            )
        both = [
            domain
            for leaf in unlabelled
            for domain in domain_names(leaf)
            if domain in sources
        ]
        if both:
            raise ValueError(
                f'domains {both} of the unlabelled target are among the '
                f'labelled training domains {list(sources)}: remove them from '
                'one of the two datasets'
            )

    @staticmethod
    def _warn_of_tested_clips(
        runner: Runner, unlabelled: list, test: Dataset
    ) -> None:
        trained = {clip for leaf in unlabelled for clip in _clips(leaf)}
        if not trained:
            return
        clips = [c for leaf in dataset_leaves(test) for c in _clips(leaf)]
        common = sum(clip in trained for clip in clips)
        if common:
            runner.logger.warning(
                f'{common} of {len(clips)} test clips are among the '
                'unlabelled training clips: the accuracy on them is '
                "transductive. Set `split='test'` of `test_dataloader."
                'dataset` to test on other clips'
            )

    @staticmethod
    def _check_target(sources: tuple, targets: tuple) -> None:
        seen = [domain for domain in targets if domain in sources]
        if seen:
            raise ValueError(
                f'target domains {seen} are among the training domains '
                f'{list(sources)}: remove them from `domains` of '
                '`train_dataloader.dataset` or of `test_dataloader.dataset`'
            )

    def _check_loaded(self, runner: Runner, targets: tuple) -> None:
        seen = [d for d in targets if d in self._trained_before]
        if not seen:
            return
        message = (
            'the loaded weights were trained on '
            f'{list(self._trained_before)}, including the target {seen}'
        )
        if runner._resume:
            raise ValueError(
                f'{message}: resume with the target of that run, or train in '
                'another `work_dir`'
            )
        runner.logger.warning(f'{message}: they have seen its labels.')

    def _check_selection(
        self, runner: Runner, sources: tuple, validated: tuple
    ) -> None:
        if not any(
            isinstance(hook, CheckpointHook) and hook.save_best
            for hook in runner.hooks
        ):
            return
        others = [domain for domain in validated if domain not in sources]
        if others and not self.allow_target_selection:
            raise ValueError(
                f'`save_best` would select on the domains {others}, which are '
                f'not among the training domains {list(sources)}: set '
                '`domains` of `val_dataloader.dataset` to training domains, '
                'or set `allow_target_selection=True` of DomainProtocolHook '
                'for an oracle'
            )
        if others:
            runner.logger.warning(
                f'Checkpoints are selected on {others}, outside the training '
                f'domains {list(sources)}: the result is an oracle and does '
                'not measure domain generalization.'
            )

    @staticmethod
    def _check_num_domains(
        runner: Runner, labelled: list, sources: tuple
    ) -> None:
        counts = {
            name: module.num_domains
            for name, module in runner.model.named_modules()
            if isinstance(getattr(module, 'num_domains', None), int)
        }
        for name, num_domains in counts.items():
            if num_domains != len(sources):
                raise ValueError(
                    f'`num_domains` of {name or "the model"} is '
                    f'{num_domains}, but the number of training domains '
                    f'{list(sources)} is {len(sources)}: set `num_domains` of '
                    'the model to this number, or train on other domains'
                )
        if counts and len(labelled) > 1:
            numberings = {
                domain_names(leaf, 'source_domains') for leaf in labelled
            }
            if len(numberings) > 1:
                raise ValueError(
                    'the concatenated training datasets number the domains '
                    f'differently: their `source_domains` are '
                    f'{sorted(numberings)}; set the same for all of them'
                )
