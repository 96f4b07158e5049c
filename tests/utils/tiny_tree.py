# Copyright (c) mmgmp authors.
"""Configs that read the tree of the tests."""

from mmengine.config import Config


def read_tiny_tree(cfg: Config, settings: dict) -> Config:
    """Point all datasets of a config to the tree of ``tiny_mini_hac``.

    Args:
        cfg: Config, changed in place; its training datasets may be
            concatenated.
        settings: What the fixture ``tiny_mini_hac`` gives.

    Returns:
        The config.
    """
    for key, value in settings.items():
        loader, _, argument = key.split('.')
        dataset = cfg[loader].dataset
        for leaf in dataset.get('datasets', [dataset]):
            leaf[argument] = value
    return cfg
