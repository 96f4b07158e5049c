# Copyright (c) mmgmp authors.
"""Leaf configs for any setting, independent of the environment."""

from pathlib import Path

from mmengine.config import Config

from mmgmp.utils.setting import read_config

CONFIGS = Path(__file__).parents[2] / 'configs'
# Not those below: the drop-in configs have a data set of their own.
LEAVES = sorted(
    path for path in CONFIGS.glob('*/*.py') if path.parent.name != '_base_'
)
NAMES = [path.stem for path in LEAVES]


def leaf_path(name: str) -> Path:
    """File of a method."""
    return CONFIGS / name / f'{name}.py'


def read_leaf(name: str, **variables) -> Config:
    """Config of a method in a setting.

    Args:
        name: Name of the method.
        **variables: Data set, target, ...; the others have their defaults.
    """
    return read_config(leaf_path(name), variables, exact=True)
