# Copyright (c) mmgmp authors.
import time
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import barrier
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch.utils.data import Dataset

from mmgmp.datasets.wrappers import dataset_domains
from mmgmp.evaluation import MAIN_METRIC, DomainAccMetric
from mmgmp.utils.resume import claim_run
from mmgmp.utils.work_dir import SUMMARY

from .config_checks import check_config
from .run_checks import check_run
from .summary import (
    evaluation_report,
    find_warnings,
    top1_of,
    write_summary,
)
from .tracking import kept_open


def train_and_test(cfg: Config) -> dict:
    """Train, select on the source domains, and test once on the target.

    After training, the function loads the weights that
    ``CheckpointHook.save_best`` selected on the validation dataset, and
    evaluates them once on the validation dataset and once on the test dataset.
    The target is not used before that. All errors in the config are raised
    before training.

    Args:
        cfg: Config with training, validation and test parts, one metric in
            ``save_best``, and :class:`DomainAccMetric` in both evaluators.

    Returns:
        The content of ``<work_dir>/summary.json``: ``target`` and ``sources``
        (domain names; sources exclude an unlabelled target), ``chance`` (one
        over the number of classes), ``source_top1`` and ``target_top1``
        (branch -> accuracy in [0, 1] over all samples), ``selected_epoch``,
        ``selected_iter``, ``checkpoint``, ``seconds`` (wall time of the whole
        call), ``seed``, ``warnings`` (sentences about predictions that are
        nearly constant) and ``evaluation``: ``source`` and ``target`` -> the
        accuracies and confusions by domain, branch and class, see
        ``report`` of :class:`~mmgmp.evaluation.DomainAccMetric`.

    Raises:
        ValueError: A part of ``cfg`` is missing, no validation selected a
            checkpoint, or the run cannot start in its work dir or from its
            checkpoint (:func:`~mmgmp.utils.resume.claim_run`).
        FileNotFoundError: The checkpoint to resume from does not exist.
    """
    start = time.perf_counter()
    for part in ('train', 'val', 'test'):
        if cfg.get(f'{part}_dataloader') is None:
            raise ValueError(
                f'`{part}_dataloader` is missing in the config: training, '
                'selection and testing need all three dataloaders'
            )
    check_config(cfg, ('train', 'val', 'test'))
    with claim_run(cfg):
        return _train_and_test(cfg, start)


def _train_and_test(cfg: Config, start: float) -> dict:
    runner = Runner.from_cfg(cfg)
    with kept_open(runner.visualizer):
        return _run(runner, start)


def _run(runner: Runner, start: float) -> dict:
    checkpoint_hook = _selecting_hook(runner)
    _check_metric('val', runner.val_loop)
    _check_metric('test', runner.test_loop)
    check_run(runner)
    train_dataset = runner.train_loop.dataloader.dataset
    sources = dataset_domains(train_dataset, labelled_only=True)
    target_dataset = runner.test_loop.dataloader.dataset
    targets = dataset_domains(target_dataset)
    chance = 1 / _num_classes(target_dataset)

    runner.train()
    selected = checkpoint_hook.best_ckpt_path
    if selected is None:
        raise ValueError(
            'no checkpoint was selected: validation did not run, or '
            f'{checkpoint_hook.save_best[0]!r} was not a number; '
            'check `val_begin` and `val_interval` of `train_cfg`'
        )
    # The second evaluation must not save or replace the selected checkpoint.
    runner.hooks.remove(checkpoint_hook)
    barrier()  # only the first rank has written the file
    checkpoint = runner.load_checkpoint(selected, strict=True)
    # runner.val() and runner.test() would call `before_run` again, where
    # EMAHook would restart from the current weights.
    runner.val_loop.run()
    runner.test_loop.run()
    evaluation = dict(
        source=evaluation_report(runner.val_loop),
        target=evaluation_report(runner.test_loop),
    )
    warnings = find_warnings(evaluation)
    runner.call_hook('after_run')

    summary = dict(
        target='+'.join(targets),
        sources=list(sources),
        chance=chance,
        source_top1=top1_of(evaluation['source']),
        target_top1=top1_of(evaluation['target']),
        selected_epoch=checkpoint['meta']['epoch'],
        selected_iter=checkpoint['meta']['iter'],
        checkpoint=Path(selected).name,
        seconds=round(time.perf_counter() - start, 2),
        seed=runner.seed,
        warnings=warnings,
        evaluation=evaluation,
    )
    write_summary(summary, Path(runner.work_dir, SUMMARY))
    return summary


def _selecting_hook(runner: Runner) -> CheckpointHook:
    """Find the hook that saves the best checkpoint by one metric."""
    hooks = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]
    keys = [key for hook in hooks for key in hook.save_best or ()]
    if len(keys) != 1:
        raise ValueError(
            '`save_best` of CheckpointHook must name one metric for the '
            'selection on the source domains, e.g. '
            f'default_hooks.checkpoint.save_best={MAIN_METRIC!r}, got '
            f'{keys}'
        )
    return next(hook for hook in hooks if hook.save_best)


def _check_metric(name: str, loop: BaseLoop) -> None:
    """Check before training that an evaluation computes accuracies."""
    metrics = loop.evaluator.metrics
    if not any(isinstance(metric, DomainAccMetric) for metric in metrics):
        raise ValueError(
            f"`{name}_evaluator` must contain dict(type='DomainAccMetric'), "
            f'got {[type(metric).__name__ for metric in metrics]}'
        )


def _num_classes(dataset: Dataset) -> int:
    """Count the classes in the ``metainfo`` of a dataset."""
    classes = getattr(dataset, 'metainfo', {}).get('classes')
    if not classes:
        raise ValueError(
            f'`test_dataloader.dataset` ({type(dataset).__name__}) has no '
            f"class names: `metainfo['classes']` is {classes}"
        )
    return len(classes)
