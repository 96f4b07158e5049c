# Copyright (c) mmgmp authors.
from mmaction.registry import DATASETS
from mmengine.config import Config

MODALITIES = {'video', 'audio'}


def class_names(cfg: Config) -> tuple[str, ...]:
    """Class names of a config's test dataset, which is not built.

    Args:
        cfg: Config of a model of video and audio.

    Raises:
        ValueError: The model has other modalities, or there is no test
            dataset that names its classes.
    """
    encoders = cfg.get('model', {}).get('backbone', {}).get('encoders', {})
    if set(encoders) != MODALITIES:
        raise ValueError(
            '`model.backbone.encoders` must be for video and audio, which is '
            f'what a media file holds, got {sorted(encoders)}'
        )
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    names = (dataset.get('metainfo') or {}).get('classes')
    if names is None and 'type' in dataset:
        type_ = dataset['type']
        if isinstance(type_, str):
            type_ = DATASETS.get(type_)
        names = getattr(type_, 'METAINFO', {}).get('classes')
    if not names:
        raise ValueError(
            '`test_dataloader.dataset` names no classes, neither in '
            f'`metainfo` nor by its type {dataset.get("type")!r}'
        )
    return tuple(names)
