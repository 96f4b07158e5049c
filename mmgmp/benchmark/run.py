# Copyright (c) mmgmp authors.
"""One run of a benchmark: its config, and the hash that identifies it."""

import copy
import functools
import hashlib
import inspect
import json
from dataclasses import dataclass, field, fields
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.runner import Runner

from mmgmp.utils.setting import read_config

from .overrides import apply_overrides

PARTS = ('train', 'val', 'test')
# Arguments of the Runner that only change where and how it runs, or what it
# writes.
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
# Settings of a dataloader that do not change the samples.
MACHINE_SETTINGS = {
    'data_root',
    'num_workers',
    'persistent_workers',
    'pin_memory',
    'prefetch_factor',
}


@dataclass(frozen=True)
class Run:
    """One training of a benchmark: a config, a target and a seed.

    Attributes:
        label: Name of the method in tables.
        config: Config file.
        target: Name of the target in the plan.
        seed: Seed that replaces the config's.
        overrides: Settings that replace the config's, by dotted key.
        variables: Data set, target and other variables that the config reads,
            see :data:`mmgmp.utils.setting.VARIABLES`. All other variables have
            their default, whatever the environment sets.
    """

    label: str
    config: str
    target: str
    seed: int
    overrides: dict = field(default_factory=dict, hash=False)
    variables: dict = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """Short name for messages."""
        return f'{self.label}, {self.target}, seed {self.seed}'

    @functools.cached_property
    def identity(self) -> dict:
        """Columns that distinguish the rows of this run from other rows.

        These are ``config`` (stem of its file), ``variables`` and
        ``overrides`` (JSON), ``target``, ``config_hash`` and ``seed``. The
        last two are the key.

        Raises:
            FileNotFoundError: See :meth:`load_config`.
            ValueError: See :meth:`load_config`.
        """
        variables = json.dumps(self.variables, sort_keys=True)
        overrides = json.dumps(self.overrides, sort_keys=True)
        return dict(
            config=Path(self.config).stem,
            variables=variables,
            overrides=overrides,
            config_hash=_hash(self.config, variables, overrides),
            target=self.target,
            seed=self.seed,
        )

    def load_config(self) -> Config:
        """Read the config, with the overrides and the seed.

        Returns:
            The config, without a work dir.

        Raises:
            FileNotFoundError: The config does not exist.
            ValueError: An override has no effect, or the config does not read
                a variable or does not know its value.
        """
        variables = json.dumps(self.variables, sort_keys=True)
        cfg = _load(self.config, variables, self.overrides)
        cfg.merge_from_dict({'randomness.seed': self.seed})
        return cfg

    def __getstate__(self) -> dict:
        # Omit the cached identity: the job that trains reads the config again,
        # and must hash what it reads.
        return {f.name: getattr(self, f.name) for f in fields(self)}


def config_hash(cfg: Config) -> str:
    """Hash the settings that determine the result, except the seed.

    These are the arguments of the Runner, except those that only set where it
    writes, where the data is and how many processes read it. Comments,
    variables that a config defines for its own use, and the files that it
    inherits from do not affect the hash.

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
        # `setting` is a name for the other settings.
        settings['env_cfg'] = {
            k: v for k, v in settings['env_cfg'].items() if k != 'setting'
        }
    scaling = settings.get('auto_scale_lr')
    if isinstance(scaling, dict) and not scaling.get('enable'):
        del settings['auto_scale_lr']  # only --auto-scale-lr reads it
    for part in PARTS:
        key = f'{part}_dataloader'
        if settings.get(key) is not None:
            settings[key] = _without_machine(settings[key])
    return digest(json.dumps(settings, sort_keys=True, default=repr))


def digest(text: str) -> str:
    """Short hash of a text, 12 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _without_machine(node: object) -> object:
    if isinstance(node, dict):
        return {
            key: _without_machine(value)
            for key, value in node.items()
            if key not in MACHINE_SETTINGS
        }
    if isinstance(node, list | tuple):
        return [_without_machine(value) for value in node]
    return node


@functools.cache
def _read(config: str, variables: str) -> Config:
    # MMEngine logs each variable, and a plan reads many configs.
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('WARNING')
    try:
        return read_config(config, json.loads(variables), exact=True)
    finally:
        logger.setLevel(level)


def _load(config: str, variables: str, overrides: dict) -> Config:
    cfg = copy.deepcopy(_read(config, variables))
    apply_overrides(cfg, overrides, config)
    return cfg


@functools.cache
def _hash(config: str, variables: str, overrides: str) -> str:
    # Runs that differ only in the seed share the hash.
    return config_hash(_load(config, variables, json.loads(overrides)))
