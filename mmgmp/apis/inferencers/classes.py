# Copyright (c) mmgmp authors.
"""Find the names of the classes that a model predicts."""

from collections.abc import Sequence
from logging import WARNING

from mmaction.registry import DATASETS
from mmengine.config import Config
from mmengine.logging import print_log


def choose_classes(trained: tuple[str, ...], cfg: Config) -> tuple[str, ...]:
    """Choose the class names of the training, or else those of a config.

    If both are there and differ, a warning is logged: the data set of the
    config has changed since the training.

    Args:
        trained: Names in the checkpoint, or none.
        cfg: Config.

    Raises:
        ValueError: Neither has names.
    """
    if not trained:
        return class_names(cfg)
    names = _configured(cfg)
    if names and tuple(names) != trained:
        print_log(
            f'the classes of the config are {list(names)}, but those of the '
            f'training were {list(trained)}: the latter are used',
            logger='current',
            level=WARNING,
        )
    return trained


def class_names(cfg: Config) -> tuple[str, ...]:
    """Find the class names of a config's test dataset without building it.

    Args:
        cfg: Config.

    Raises:
        ValueError: The test dataset is missing or does not name its classes.
    """
    names = _configured(cfg)
    if not names:
        dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
        raise ValueError(
            '`test_dataloader.dataset` has no class names, neither in '
            f'`metainfo` nor in its type {dataset.get("type")!r}, and the '
            'checkpoint has none either'
        )
    return tuple(names)


def _configured(cfg: Config) -> Sequence[str] | None:
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    names = (dataset.get('metainfo') or {}).get('classes')
    if names is None and 'type' in dataset:
        type_ = dataset['type']
        if isinstance(type_, str):
            type_ = DATASETS.get(type_)
        names = getattr(type_, 'METAINFO', {}).get('classes')
    # A string is the name of a file, which is not needed for a prediction.
    return None if isinstance(names, str) else names
