# Copyright (c) mmgmp authors.
"""Configs that read the tree of the tests, and copies with other tables."""

import shutil
from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config


def read_tiny_tree(cfg: Config, settings: dict) -> Config:
    """Point all datasets of a config to the tree of ``tiny_mini_hac``.

    Args:
        cfg: Config, changed in place; its training datasets may be
            concatenated.
        settings: Value of the fixture ``tiny_mini_hac``.

    Returns:
        The config.
    """
    for key, value in settings.items():
        loader, _, argument = key.split('.')
        dataset = cfg[loader].dataset
        for leaf in dataset.get('datasets', [dataset]):
            leaf[argument] = value
    return cfg


def copy_tables(tree: str, root: Path) -> Path:
    """Make a tree of the same media whose tables a test may change.

    Args:
        tree: Folder in the layout of HAC.
        root: Folder to create.

    Returns:
        ``root``.
    """
    shutil.copytree(f'{tree}/HAC_Splits', root / 'HAC_Splits')
    for domain in ('human', 'animal', 'cartoon'):
        (root / domain).symlink_to(f'{tree}/{domain}')
    return root


def change_table(
    root: Path, name: str, change: Callable[..., tuple[str, ...]]
) -> None:
    """Change each row of a table in place.

    Args:
        root: Folder of :func:`copy_tables`.
        name: File name of the table.
        change: Cells of a row -> new cells.
    """
    table = root / 'HAC_Splits' / name
    rows = [row.split(',') for row in table.read_text().splitlines()]
    table.write_text(''.join(','.join(change(*r)) + '\n' for r in rows))
