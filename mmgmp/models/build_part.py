# Copyright (c) mmgmp authors.
from typing import Any

from mmaction.registry import MODELS
from torch import nn


def build_part(name: str, cfg: dict, **values: Any) -> nn.Module:
    """Build a part of a model with what the model knows of its data.

    Args:
        name: Argument of the model that holds the config.
        cfg: Config of the part.
        **values: Further arguments of the part, such as ``in_channels``.

    Returns:
        The part.

    Raises:
        ValueError: The config names one of ``values`` itself.
    """
    if named := [key for key in values if key in cfg]:
        raise ValueError(
            f'`{name}` names {named}, which a MultimodalRecognizer hands to '
            'its parts: remove it there; `in_channels` (of the encoders), '
            '`num_classes` and `num_domains` are arguments of the recognizer'
        )
    return MODELS.build(dict(cfg, **values))
