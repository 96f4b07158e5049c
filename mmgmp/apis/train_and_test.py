# Copyright (c) mmgmp authors.
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import barrier, master_only
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop
from torch.utils.data import Dataset

from mmgmp.datasets.wrappers import dataset_domains
from mmgmp.evaluation import MAIN_METRIC, DomainAccMetric
from mmgmp.models.heads.multimodal_head import UNIMODAL_SUFFIX
from mmgmp.utils.atomic_local_backend import AtomicLocalBackend
from mmgmp.utils.resume import claim_run
from mmgmp.utils.work_dir import SUMMARY

from .config_checks import check_config
from .run_checks import check_run
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
        call) and ``seed``.

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
    source_metrics = runner.val_loop.run()
    target_metrics = runner.test_loop.run()
    runner.call_hook('after_run')

    summary = dict(
        target='+'.join(targets),
        sources=list(sources),
        chance=chance,
        source_top1=_top1(source_metrics),
        target_top1=_top1(target_metrics),
        selected_epoch=checkpoint['meta']['epoch'],
        selected_iter=checkpoint['meta']['iter'],
        checkpoint=Path(selected).name,
        seconds=round(time.perf_counter() - start, 2),
        seed=runner.seed,
    )
    _write_json(summary, Path(runner.work_dir, SUMMARY))
    return summary


def format_summary(summary: dict) -> str:
    """Format the accuracies of a summary as a table, in percent.

    Args:
        summary: Output of :func:`train_and_test`.

    Returns:
        Rows for source and target, with one column for the fused prediction,
        one for each modality alone and one for chance. ``-`` means that a
        modality has no predictions.
    """
    rows = {
        f'source ({"+".join(summary["sources"])})': summary['source_top1'],
        f'target ({summary["target"]})': summary['target_top1'],
    }
    columns = dict.fromkeys(
        branch
        for top1 in rows.values()
        for branch in top1
        if not branch.endswith(UNIMODAL_SUFFIX)
    )
    table = [['top-1 (%)', *columns, 'chance']]
    for name, top1 in rows.items():
        values = [*map(top1.get, columns), summary['chance']]
        cells = ['-' if v is None else f'{100 * v:.1f}' for v in values]
        table.append([name, *cells])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return '\n'.join(
        '  '.join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(
                zip(row, widths, strict=True)
            )
        )
        for row in table
    )


def mean_summary(summaries: Sequence[dict]) -> dict:
    """Average the runs of one setting, such as its seeds.

    Args:
        summaries: Outputs of :func:`train_and_test` for runs with the same
            sources and target.

    Returns:
        A summary with the means of ``source_top1`` and ``target_top1`` over
        the runs, for branches that all runs have.

    Raises:
        ValueError: The runs have different sources or targets.
    """
    first = summaries[0]
    for summary in summaries:
        for key in ('target', 'sources'):
            if summary[key] != first[key]:
                raise ValueError(
                    f'`summaries` must have the same {key}, got '
                    f'{first[key]!r} and {summary[key]!r}'
                )
    means = {}
    for part in ('source_top1', 'target_top1'):
        means[part] = {
            branch: sum(s[part][branch] for s in summaries) / len(summaries)
            for branch in first[part]
            if all(branch in s[part] for s in summaries)
        }
    keys = ('target', 'sources', 'chance')
    return dict({key: first[key] for key in keys}, **means)


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


def _top1(metrics: dict) -> dict[str, float]:
    """Map each branch to its top-1 accuracy over all samples."""
    pattern = re.compile(r'[^/]+/all/(.+)/top1')
    matches = ((pattern.fullmatch(key), metrics[key]) for key in metrics)
    return {match[1]: value for match, value in matches if match}


@master_only
def _write_json(summary: dict, path: Path) -> None:
    text = json.dumps(summary, indent=2) + '\n'
    AtomicLocalBackend().put_text(text, path)
