# Copyright (c) mmgmp authors.
"""What a result depends on, each as a short string."""

import hashlib
import inspect
import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from mmaction.registry import DATASETS
from mmengine.config import Config
from mmengine.runner import Runner

from mmgmp.datasets.leaves import dataset_leaves
from mmgmp.version import __version__

PACKAGE = Path(__file__).parents[1]
PARTS = ('train', 'val', 'test')
# Arguments of the Runner that change where and how it runs or what it writes.
WITHOUT_EFFECT = {
    'cfg',
    'experiment_name',
    'launcher',
    'log_level',
    'log_processor',
    'resume',
    'self',
    'visualizer',
    'work_dir',
}
# Settings of a dataloader that do not change what it gives.
OF_MACHINE = {
    'data_root',
    'num_workers',
    'persistent_workers',
    'pin_memory',
    'prefetch_factor',
}


def config_hash(cfg: Config) -> str:
    """Hash the settings that decide the result, the seed left out.

    These are the arguments of the Runner without those that only say where
    it writes, where the data lie and how many processes read them. Names that
    a config defines for its own use, comments and the files it inherits from
    do not matter.

    Args:
        cfg: Config of a run.

    Returns:
        12 hexadecimal digits.
    """
    arguments = set(inspect.signature(Runner).parameters) - WITHOUT_EFFECT
    settings = {key: cfg[key] for key in arguments if key in cfg}
    if 'randomness' in settings:
        settings['randomness'] = dict(settings['randomness'], seed=None)
    if 'env_cfg' in settings:
        # The name of what the other settings say.
        settings['env_cfg'] = {
            k: v for k, v in settings['env_cfg'].items() if k != 'setting'
        }
    for part in PARTS:
        key = f'{part}_dataloader'
        if settings.get(key) is not None:
            settings[key] = _without_machine(settings[key])
    return _digest([json.dumps(settings, sort_keys=True, default=repr)])


def dataset_version(cfg: Config) -> str:
    """Hash the samples of the training, validation and test datasets.

    What counts is the place of each sample below ``data_root``, the size of
    its video in bytes, its label and its domain, so that a changed split and
    a missing or replaced file give another version.

    Args:
        cfg: Config of a run. The datasets are built.

    Returns:
        12 hexadecimal digits.
    """
    lines = []
    for part in PARTS:
        dataset = DATASETS.build(cfg[f'{part}_dataloader'].dataset)
        for leaf in dataset_leaves(dataset):
            leaf.full_init()
            lines += [
                f'{part} {_describe(leaf.get_data_info(index), leaf)}'
                for index in range(len(leaf))
            ]
    return _digest(lines)


def code_version() -> str:
    """Version of the package, with the commit where it has one.

    Returns:
        For example ``0.1.0+f931c8b``, with ``.dirty`` behind it when tracked
        files of the package or its configs differ from the commit.
    """
    root = PACKAGE.parent
    commit = _git('rev-parse', '--short', 'HEAD')
    if commit is None or not (root / '.git').exists():
        return __version__
    changed = _git('status', '--porcelain', '-uno', 'mmgmp', 'configs')
    return f'{__version__}+{commit}{".dirty" if changed else ""}'


def _without_machine(node: object) -> object:
    if isinstance(node, dict):
        return {
            key: _without_machine(value)
            for key, value in node.items()
            if key not in OF_MACHINE
        }
    if isinstance(node, list | tuple):
        return [_without_machine(value) for value in node]
    return node


def _describe(sample: dict, dataset) -> str:
    place = ()
    path = sample.get('filename') or sample.get('frame_dir')
    if path:
        size = os.path.getsize(path) if os.path.isfile(path) else 0
        place = (os.path.relpath(path, dataset.data_root), size)
    values = (*place, sample.get('label'), sample.get('domain_name'))
    return ' '.join(map(str, values))


def _git(*arguments: str) -> str | None:
    """Output of git at the package, or None where there is none."""
    try:
        return subprocess.run(
            ['git', '-C', str(PACKAGE.parent), *arguments],
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256('\n'.join(lines).encode()).hexdigest()[:12]
