# Copyright (c) mmgmp authors.
"""Configs of the published settings, reduced for tests."""

from pathlib import Path

from mmengine.config import Config

from tests.utils.memory_clips import narrow_encoders

SIZES = {256: 36, 224: 32}


def reduce_config(cfg: Config, data_root: Path) -> Config:
    """Use narrow encoders, small frames and a twin data set, in place.

    Everything else is unchanged, but the encoders are random.
    """
    narrow_encoders(cfg)
    for part in ('train', 'val', 'test'):
        loader = cfg[f'{part}_dataloader']
        loader.batch_size = 2
        loader.num_workers = 0
        loader.persistent_workers = loader.pin_memory = False
        for leaf in loader.dataset.get('datasets', [loader.dataset]):
            leaf.data_root = str(data_root)
            # Serializing collects the garbage of the whole process.
            leaf.serialize_data = False
            _shrink(leaf.pipeline)
    return cfg


def _shrink(transforms: list[dict]) -> None:
    """Resize and crop to smaller frames."""
    for transform in transforms:
        _shrink(transform.get('transforms', ()))
        if 'scale' in transform:
            transform.scale = tuple(
                SIZES.get(length, length) for length in transform.scale
            )
        if 'crop_size' in transform:
            transform.crop_size = SIZES[transform.crop_size]
