# Copyright (c) mmgmp authors.
"""Find mistakes in a run before it trains: data, model and selection."""

import logging
import shutil
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from mmengine.dataset import BaseDataset, InfiniteSampler
from mmengine.dist import get_world_size
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import BatchSampler, DataLoader

from mmgmp.datasets.wrappers import dataset_domains, dataset_leaves
from mmgmp.evaluation import DomainAccMetric, TargetScoreMetric
from mmgmp.models import MultimodalRecognizer
from mmgmp.models.heads.multimodal_head import UNIMODAL_SUFFIX, MultimodalHead
from mmgmp.utils.mistakes import suggest

# Fewer batches in an epoch hardly train a model in the usual schedules.
FEW_BATCHES = 4
SCORES = ('iw', 'dev', 'entropy', 'im', 'snd', 'bnm', 'classes_used')


def check_run(runner: Runner) -> None:
    """Check a runner before it trains, without decoding data.

    Args:
        runner: Runner with an unused training loop.

    Raises:
        ValueError: No iteration or no update would happen, labels and classes
            do not fit, batch norm would get a single sample, a metric for the
            selection does not exist, or there is no space for a checkpoint.
    """
    if not isinstance(runner, Runner):
        return  # such as FlexibleRunner, which has no loops before training
    model = runner.model
    if is_model_wrapper(model):
        model = model.module
    loops = [('train', runner.train_loop)]
    if runner._val_loop is not None:
        loops.append(('val', runner.val_loop))
    loops += [
        ('test', loop)
        for loop in [runner._test_loop]
        if isinstance(loop, BaseLoop)
    ]
    for part, loop in loops:
        loader = getattr(loop, 'dataloader', None)
        if isinstance(loader, DataLoader):
            _check_size(part, loader)
            _check_labels(part, loader, model)
            if part == 'train':
                _check_last_batch(loader, model)
                _warn_of_few_batches(loader)
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError(
            'no parameter of the model would be trained: check `trainable`, '
            '`frozen_stages` and the like in `model`'
        )
    if runner._val_loop is not None:
        _check_selection(runner, model)
    _check_space(runner, model)
    _warn_of_schedule(runner)
    _warn_of_custom_keys(runner, model)


def _warn_of_few_batches(loader: DataLoader) -> None:
    """Say how short an epoch is, and what it leaves out."""
    size = getattr(loader.batch_sampler, 'batch_size', None)
    endless = isinstance(loader.sampler, InfiniteSampler)
    if endless or size is None or len(loader) >= FEW_BATCHES:
        return
    print_log(
        f'an epoch has only {len(loader)} batches of {size}, from '
        f'{len(loader.dataset)} training samples: reduce '  # type: ignore
        '`train_dataloader.batch_size`, or train for more epochs',
        logger='current',
        level=logging.WARNING,
    )


def _warn_of_custom_keys(runner: Runner, model: nn.Module) -> None:
    """Name the keys of ``paramwise_cfg`` that match no parameter."""
    optim_cfg = runner.cfg.get('optim_wrapper') or {}
    keys = (optim_cfg.get('paramwise_cfg') or {}).get('custom_keys') or ()
    names = [name for name, _ in model.named_parameters()]
    if unused := [k for k in keys if not any(k in name for name in names)]:
        print_log(
            'optim_wrapper.paramwise_cfg.custom_keys: no name of a parameter '
            f'contains {unused}, so these keys change nothing',
            logger='current',
            level=logging.WARNING,
        )


def _check_size(part: str, loader: DataLoader) -> None:
    dataset: Any = loader.dataset
    sampler: Any = loader.batch_sampler
    if len(dataset) == 0:
        raise ValueError(
            f'`{part}_dataloader.dataset` has no samples: check `split`, '
            '`domains` and `indices`'
        )
    if len(loader) == 0 and not isinstance(loader.sampler, InfiniteSampler):
        raise ValueError(
            f'`{part}_dataloader` gives no batch: `batch_size` is '
            f'{getattr(sampler, "batch_size", None)}, batches that are not '
            f'full are dropped, and the dataset has {len(dataset)} samples '
            f'for {get_world_size()} processes: reduce `batch_size`'
        )


def _check_labels(part: str, loader: DataLoader, model: nn.Module) -> None:
    """Check that the classifier has an output for each label."""
    head = getattr(model, 'cls_head', None)
    num_classes = getattr(head, 'num_classes', None)
    if not isinstance(num_classes, int):
        return
    is_ours = isinstance(head, MultimodalHead)
    for leaf in dataset_leaves(loader.dataset):
        classes = getattr(leaf, 'metainfo', {}).get('classes')
        if is_ours and classes and len(classes) != num_classes:
            raise ValueError(
                f'`model.num_classes` is {num_classes}, but '
                f'{type(leaf).__name__} of `{part}_dataloader` has '
                f'{len(classes)} classes: set model.num_classes={len(classes)}'
            )
        for label, name in _labels(leaf):
            if is_ours and not _is_index(label):
                raise ValueError(
                    f'the label of {name} in `{part}_dataloader` is {label!r}:'
                    ' MultimodalHead needs one class index per sample, not '
                    'soft or several labels'
                )
            # Rows without a label of MMAction2's test sets have -1.
            least = 0 if is_ours or part == 'train' else -1
            if _is_index(label) and not least <= label < num_classes:
                raise ValueError(
                    f'the label of {name} in `{part}_dataloader` is {label}, '
                    f'but the head has {num_classes} classes, 0 to '
                    f'{num_classes - 1}: set `num_classes` of the model to '
                    'the number of classes, or correct the annotations'
                )


def _labels(leaf: object) -> Iterator[tuple]:
    """Yield the label and the name of each sample that has a label."""
    if not isinstance(leaf, BaseDataset):
        return
    for index in range(len(leaf)):
        info = leaf.get_data_info(index)
        if 'label' in info:
            yield info['label'], info.get('filename', f'sample {index}')


def _is_index(label: object) -> bool:
    return hasattr(label, '__index__') and not isinstance(label, bool)


def _check_last_batch(loader: DataLoader, model: nn.Module) -> None:
    """Check that batch norm never gets a single sample."""
    sampler: Any = loader.batch_sampler
    size = getattr(sampler, 'batch_size', None)
    if size is None or type(sampler) is not BatchSampler:
        return
    inner: Any = sampler.sampler
    rest = len(inner) % size
    if isinstance(inner, InfiniteSampler) or sampler.drop_last:
        rest = 0
    if size > 1 and rest != 1:
        return
    norms = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm)
        and any(p.requires_grad for p in module.parameters())
    }
    batch = 'each batch' if size == 1 else 'the last batch of an epoch'
    advice = (
        'set a larger `train_dataloader.batch_size`'
        if size == 1
        else 'set train_dataloader.drop_last=True'
    )
    # The features there are (N, D), and one row has no variance. Elsewhere,
    # the positions of a single sample give a variance, but a poor one.
    fatal = [
        name
        for name, module in norms.items()
        if isinstance(module, nn.BatchNorm1d)
        and name.startswith(('neck.', 'cls_head.', 'objectives.'))
    ]
    if fatal and isinstance(model, MultimodalRecognizer):
        raise ValueError(
            f'{batch} has one sample, which the batch norm {fatal[0]} cannot '
            f'normalize: {advice}'
        )
    if norms:
        print_log(
            f'{batch} has one sample, whose statistics are used by '
            f'{len(norms)} batch norms: {advice}',
            logger='current',
            level=logging.WARNING,
        )


def _check_selection(runner: Runner, model: nn.Module) -> None:
    """Check that the metrics of ``save_best`` exist."""
    keys = [
        key
        for hook in runner.hooks
        if isinstance(hook, CheckpointHook) and hook.save_best
        for key in hook.key_indicators
    ]
    metrics = runner.val_loop.evaluator.metrics
    known: list[str] = []
    others = []
    for metric in metrics:
        if isinstance(metric, DomainAccMetric):
            known += _accuracies(runner, model, metric.prefix)
        elif isinstance(metric, TargetScoreMetric):
            known += [f'{metric.prefix}/{score}' for score in SCORES]
        else:
            others.append(metric.prefix)
    for key in keys:
        if key == 'auto' or any(fnmatchcase(key, glob) for glob in known):
            continue
        if any(p is None or key.startswith(f'{p}/') for p in others):
            continue
        raise ValueError(
            f'`save_best` is {key!r}, but the validation computes nothing of '
            f'that name, and sees only its own domains, not the target'
            + (suggest(key, known) or f'; it computes {known[:2]}, ...')
        )


def _accuracies(runner: Runner, model: nn.Module, prefix: str) -> list[str]:
    """List globs of the results of DomainAccMetric in the validation."""
    domains = dataset_domains(
        runner.val_loop.dataloader.dataset, labelled_only=True
    )
    branches = ['fused', '*']
    if isinstance(model, MultimodalRecognizer):
        modalities = model.modality_modules
        branches = ['fused', *modalities]
        branches += [f'{modality}{UNIMODAL_SUFFIX}' for modality in modalities]
    keys = [
        f'{prefix}/{group}/{branch}/{value}'
        for group in ('all', *domains)
        for branch in branches
        for value in ('top1', 'mean1')
    ]
    return keys + [f'{prefix}/worst/{branch}/top1' for branch in branches]


def _check_space(runner: Runner, model: nn.Module) -> None:
    needed = sum(
        tensor.numel() * tensor.element_size()
        for tensor in model.state_dict().values()
    )
    free = shutil.disk_usage(runner.work_dir).free
    if free < needed:
        raise ValueError(
            f'`work_dir` {runner.work_dir} has {free / 1e6:.0f} MB left, and '
            f'a checkpoint takes at least {needed / 1e6:.0f} MB: make room, '
            'or choose another folder'
        )


def _warn_of_schedule(runner: Runner) -> None:
    """Warn if a learning rate schedule would be cut off."""
    schedulers = runner.cfg.get('param_scheduler') or []
    if isinstance(schedulers, dict):
        schedulers = [schedulers]
    loop = runner.train_loop
    for index, scheduler in enumerate(schedulers):
        by_epoch = scheduler.get('by_epoch', True)
        last = loop.max_epochs if by_epoch else loop.max_iters
        end = scheduler.get('end', scheduler.get('T_max'))
        if end is not None and end > last:
            unit = 'epochs' if by_epoch else 'iterations'
            print_log(
                f'`param_scheduler.{index}` ({scheduler.get("type")}) ends '
                f'after {end} {unit}, and the training after {last}: the '
                'learning rate does not reach its end',
                logger='current',
                level=logging.WARNING,
            )
