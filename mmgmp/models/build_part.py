# Copyright (c) mmgmp authors.
from typing import Any

from mmaction.registry import MODELS


def build_part(name: str, cfg: dict, **values: Any) -> Any:
    """Build a part of a model with values that the model passes to it.

    Args:
        name: Argument of the model that contains the config.
        cfg: Config of the part.
        **values: Further arguments of the part, such as ``in_channels``.

    Returns:
        The part, an instance of the class that the config names.

    Raises:
        ValueError: The config contains one of ``values``.
    """
    if named := [key for key in values if key in cfg]:
        raise ValueError(
            f'`{name}` sets {named}, which MultimodalRecognizer passes to its '
            'parts: remove it there; `in_channels` (of the encoders), '
            '`num_classes` and `num_domains` are arguments of the recognizer'
        )
    return MODELS.build(dict(cfg, **values))
