# Copyright (c) mmgmp authors.
import copy
import functools
import json
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import MMLogger

from mmgmp.utils.setting import read_config

from .fingerprint import config_hash


@dataclass(frozen=True)
class Run:
    """One training of a benchmark: a config, a target and a seed.

    Attributes:
        label: Name of the method in tables.
        config: Config file.
        target: Name of the target, as the plan has it.
        seed: Seed in place of the config's.
        overrides: Settings in place of the config's, by dotted key.
        variables: Data set, target and so on that the config reads, see
            :data:`mmgmp.utils.setting.VARIABLES`. Those that are not given
            have their default, whatever the environment says.
    """

    label: str
    config: str
    target: str
    seed: int
    overrides: dict = field(default_factory=dict, hash=False)
    variables: dict = field(default_factory=dict, hash=False)

    def load_config(self) -> Config:
        """Read the config, with the overrides and the seed.

        Returns:
            The config, which has no work dir yet.

        Raises:
            FileNotFoundError: There is no such config.
            ValueError: An override that has no place in the config, a
                variable that the config does not read, or a value that it
                does not know.
        """
        variables = json.dumps(self.variables, sort_keys=True)
        cfg = _load(self.config, variables, self.overrides)
        cfg.merge_from_dict({'randomness.seed': self.seed})
        return cfg

    @property
    def name(self) -> str:
        """Short name for people."""
        return f'{self.label}, {self.target}, seed {self.seed}'

    def identity(self) -> dict:
        """What tells the rows of this run from those of others.

        Returns:
            ``config`` (stem of its file), ``variables`` and ``overrides``
            (JSON), ``target``, ``config_hash`` and ``seed``. The last two
            alone are the key.

        Raises:
            As :meth:`load_config`.
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
    for key in overrides:
        _check_place(cfg, key, config)
    cfg.merge_from_dict(overrides)
    return cfg


@functools.cache
def _hash(config: str, variables: str, overrides: str) -> str:
    cfg = _load(config, variables, json.loads(overrides))
    return config_hash(cfg)


def _check_place(cfg: Config, key: str, source: str) -> None:
    """Refuse a misspelt key, which mmengine would add to the config."""
    node, path = cfg, key.split('.')
    for depth, part in enumerate(path[:-1], start=1):
        try:
            node = node[int(part) if isinstance(node, list) else part]
        except (KeyError, IndexError, TypeError, ValueError):
            raise ValueError(
                f'override {key!r}: {source} has no '
                f'{".".join(path[:depth])!r} to change'
            ) from None
