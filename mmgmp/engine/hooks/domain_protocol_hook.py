# Copyright (c) mmgmp authors.
from copy import deepcopy
from typing import Any

from mmaction.registry import DATASETS, HOOKS
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch.utils.data import DataLoader, Dataset


def dataset_domains(dataset: Dataset, key: str = 'domains') -> tuple[str, ...]:
    """Names of the domains in a dataset, inside wrappers of it too.

    Args:
        dataset: Dataset with the names in its ``metainfo``, or a wrapper:
            what holds it as ``dataset`` (repetition, class balance, subset)
            or several as ``datasets`` (concatenation).
        key: Entry of ``metainfo`` that is read.

    Returns:
        Names without repetition, in the order of the datasets.

    Raises:
        ValueError: A dataset's ``metainfo`` lacks the entry.
    """
    return tuple(
        dict.fromkeys(
            domain
            for leaf in dataset_leaves(dataset)
            for domain in _metainfo(leaf, key)
        )
    )


def dataset_leaves(dataset: Any) -> list:
    """The datasets inside wrappers."""
    if hasattr(dataset, 'datasets'):
        return [
            leaf for part in dataset.datasets for leaf in dataset_leaves(part)
        ]
    if hasattr(dataset, 'dataset'):
        return dataset_leaves(dataset.dataset)
    return [dataset]


def _metainfo(dataset: Any, key: str) -> tuple[str, ...]:
    metainfo = getattr(dataset, 'metainfo', {})
    if key not in metainfo:
        raise ValueError(
            f'{type(dataset).__name__} has no {key!r} in its `metainfo`, '
            'which names the domains that it holds: add it, or remove '
            f'DomainProtocolHook; found {sorted(metainfo)}'
        )
    return tuple(metainfo[key])


def _dataset_of(
    loop: BaseLoop | dict | None, loader: DataLoader | dict | None
) -> Dataset | None:
    """The dataset of a loop that the Runner may not have built yet.

    Only the dataset is built, not the loop, so the runner stays as it is.
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


@HOOKS.register_module()
class DomainProtocolHook(Hook):
    """Check before training that the unseen domain stays unseen.

    * No domain of the test dataset is among those of the training dataset.
    * Model selection (``save_best``) happens on the training domains: the
      validation dataset holds no other.
    * Every module with an integer ``num_domains`` (a domain discriminator)
      has as many as there are training domains, and at least two; datasets
      that are concatenated number the domains alike.

    Domains are read from the datasets' ``metainfo['domains']``.

    Args:
        allow_target_selection: Permit selection on other domains, the oracle
            that some papers report as an upper bound; a warning is logged.

    Raises:
        ValueError: Before training, if a check fails.
    """

    def __init__(self, allow_target_selection: bool = False) -> None:
        self.allow_target_selection = allow_target_selection

    def before_train(self, runner: Runner) -> None:
        """Run the checks.

        Args:
            runner: Runner of the training.
        """
        train = runner.train_dataloader.dataset
        sources = dataset_domains(train)
        test = _dataset_of(runner._test_loop, runner._test_dataloader)
        if test is not None:
            self._check_target(sources, dataset_domains(test))
        val = _dataset_of(runner._val_loop, runner._val_dataloader)
        if val is not None:
            self._check_selection(runner, sources, dataset_domains(val))
        self._check_domain_task(runner, train, sources)

    @staticmethod
    def _check_target(sources: tuple, targets: tuple) -> None:
        seen = [domain for domain in targets if domain in sources]
        if seen:
            raise ValueError(
                f'target domains {seen} are among the training domains '
                f'{list(sources)}: remove them from `domains` of '
                '`train_dataloader.dataset` or of `test_dataloader.dataset`'
            )

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
                'or `allow_target_selection=True` of DomainProtocolHook for '
                'an oracle'
            )
        if others:
            runner.logger.warning(
                f'Checkpoints are selected on {others}, outside the training '
                f'domains {list(sources)}: the result is an oracle, not '
                'domain generalization.'
            )

    @staticmethod
    def _check_domain_task(
        runner: Runner, train: Dataset, sources: tuple
    ) -> None:
        discriminators = {
            name: module.num_domains
            for name, module in runner.model.named_modules()
            if isinstance(getattr(module, 'num_domains', None), int)
        }
        for name, num_domains in discriminators.items():
            if len(sources) < 2:
                raise ValueError(
                    f'one source domain with a domain task: {name} has '
                    f'`num_domains` {num_domains}, but there are '
                    f'{len(sources)} training domains {list(sources)}; train '
                    'on at least 2 or remove the domain objective'
                )
            if num_domains != len(sources):
                raise ValueError(
                    f'`num_domains` of {name} is {num_domains}, but there '
                    f'are {len(sources)} training domains {list(sources)}: '
                    f'set it to {len(sources)}'
                )
        leaves = dataset_leaves(train)
        if discriminators and len(leaves) > 1:
            numberings = {_metainfo(leaf, 'source_domains') for leaf in leaves}
            if len(numberings) > 1:
                raise ValueError(
                    'the concatenated training datasets number the domains '
                    f'differently: their `source_domains` are '
                    f'{sorted(numberings)}; give all of them the same'
                )
