# Copyright (c) mmgmp authors.
"""Configs of the published settings, as small as a test wants them."""

from pathlib import Path

from mmengine.config import Config

WIDTHS = dict(video=72, audio=32, flow=32)
SIZES = {256: 36, 224: 32}
NARROW = dict(
    video=dict(
        slow_pathway=dict(depth=18, base_channels=8),
        fast_pathway=dict(depth=18, base_channels=1),
    ),
    audio=dict(stem_channels=4, base_channels=4),
    flow=dict(depth=18, base_channels=4),
)


def reduce_config(cfg: Config, data_root: Path) -> Config:
    """Narrow the encoders, shrink the frames and read a twin, in place.

    Everything else stays as the config says; the encoders are random.
    """
    model = cfg.model
    for modality, encoder in model.backbone.encoders.items():
        encoder.merge(NARROW[modality])
    model.backbone.pretrained = None
    # A neck gives the other parts features of its own width.
    parts = [model.cls_head, *(model.get('objectives') or {}).values()]
    for part in [model.neck] if 'neck' in model else parts:
        part.in_channels = {m: WIDTHS[m] for m in part.in_channels}
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
