# Copyright (c) mmgmp authors.
"""Find the mistakes of a plan before its first run starts."""

import copy
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmaction.registry import HOOKS, METRICS, MODELS
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper

from mmgmp.apis.config_checks import check_config
from mmgmp.utils.command_line import check_checkpoint

from .execution import dataset_version
from .plan import Plan
from .run import Run

# Parts of a config that are built from nothing else.
PARTS = (
    'model',
    'optim_wrapper',
    'val_evaluator',
    'test_evaluator',
    'default_hooks',
    'custom_hooks',
)


def check_configs(plan: Plan) -> None:
    """Read the config of each method and target.

    Raises:
        ValueError: A config does not exist, an override or a variable has no
            effect or an impossible value, or two targets or two values of a
            sweep are the same.
    """
    hashes: dict[str, tuple[str, ...]] = {}
    for run in plan.runs[: len(plan.targets) * len(plan.methods)]:
        with _errors_of(plan, run):
            if not Path(run.config).is_file():
                raise FileNotFoundError(f'config {run.config} does not exist')
            known = hashes.get(run.label, ())
            hashes[run.label] = (*known, run.identity['config_hash'])
    targets = [*plan.targets]
    for label, found in hashes.items():
        for index, target in enumerate(targets):
            first = targets[found.index(found[index])]
            if first != target:
                raise ValueError(
                    f'{plan.source}: the targets {first!r} and {target!r} are '
                    f'the same for {label!r}, so its results would count '
                    'twice: remove one'
                )
    # A sweep may contain the value of its method, but each value once.
    labels: dict[tuple, str] = {}
    for label, method in plan.methods.items():
        group = method.varied and method.varied[:2]
        other = labels.setdefault((group, hashes[label]), label)
        if other != label:
            raise ValueError(
                f'{plan.source}: {other!r} and {label!r} have the same config '
                f'({method.config} with {method.overrides}): remove one, or '
                'override a setting that has an effect'
            )


def check_parts(plan: Plan, runs: Sequence[tuple[Run, Path]]) -> None:
    """Build the model, optim wrapper, metrics and hooks of all runs once.

    Args:
        plan: The plan.
        runs: Runs to do and their work dirs.

    Raises:
        ValueError: Building fails; the message is one line with the plan, the
            method and the target.
    """
    built = set()
    for run in _distinct_configs(runs):
        cfg = run.load_config()
        parts = {key: cfg.get(key) for key in PARTS}
        text = json.dumps(parts, sort_keys=True, default=repr)
        if text not in built:
            built.add(text)
            with _errors_of(plan, run), _quiet():
                _build(cfg)


def check_files(plan: Plan, runs: Sequence[tuple[Run, Path]]) -> None:
    """Build the datasets and read the weights of all runs once.

    This also generates a synthetic dataset before several runs try to.

    Args:
        plan: The plan.
        runs: Runs to do and their work dirs.

    Raises:
        ValueError: A dataset or a checkpoint is missing or damaged, or a
            config has an impossible value.
    """
    models = set()
    for run in _distinct_configs(runs):
        cfg = run.load_config()
        with _errors_of(plan, run), _quiet():
            check_config(cfg, ('train', 'val', 'test'))
            if cfg.get('load_from') is not None:
                check_checkpoint(cfg.load_from)
            dataset_version(cfg)
            text = json.dumps(cfg.model, sort_keys=True, default=repr)
            if text not in models:
                models.add(text)
                MODELS.build(copy.deepcopy(cfg.model)).init_weights()


def _distinct_configs(runs: Sequence[tuple[Run, Path]]) -> list[Run]:
    return [*{run.identity['config_hash']: run for run, _ in runs}.values()]


def _build(cfg: Config) -> None:
    cfg = copy.deepcopy(cfg)
    model = MODELS.build(cfg.model)
    build_optim_wrapper(model, cfg.optim_wrapper)
    for key in ('val_evaluator', 'test_evaluator'):
        metrics = cfg.get(key) or []
        for metric in [metrics] if isinstance(metrics, dict) else metrics:
            METRICS.build(metric)
    hooks = [*(cfg.get('default_hooks') or {}).values()]
    for hook in [*hooks, *(cfg.get('custom_hooks') or ())]:
        if isinstance(hook, dict):
            hook.pop('priority', None)
            HOOKS.build(hook)


@contextmanager
def _errors_of(plan: Plan, run: Run) -> Iterator[None]:
    """Report any error in one line with the plan, the method and target."""
    try:
        yield
    except Exception as error:
        is_key = isinstance(error, KeyError) and error.args
        text = ' '.join(str(error.args[0] if is_key else error).split())
        if not isinstance(error, ValueError | FileNotFoundError):
            text = f'{type(error).__name__}: {text}'
        raise ValueError(
            f'{plan.source}: {run.label}, target {run.target}: {text}'
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what MMEngine logs about each model that it builds."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
