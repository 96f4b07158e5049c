# Copyright (c) mmgmp authors.
from mmgmp.registry import WEIGHTINGS

from .torchjd import NAMES
from .weighting import Weighting


def build_weighting(weighting: dict) -> Weighting:
    """Build a weighting from its config.

    Args:
        weighting: Config of a weighting.

    Returns:
        The weighting.

    Raises:
        TypeError: It is no dict.
        ValueError: It has no type, or an unknown one; the message lists all.
    """
    if not isinstance(weighting, dict):
        raise TypeError(
            "`weighting` must be a dict such as dict(type='MGDA'), got "
            f'{weighting!r}'
        )
    type_ = weighting.get('type')
    known = [*WEIGHTINGS.module_dict, *(f'torchjd.{name}' for name in NAMES)]
    if type_ is None or (isinstance(type_, str) and type_ not in known):
        raise ValueError(
            f'`type` of `weighting` must be one of {known}, got {type_!r}'
        )
    return WEIGHTINGS.build(weighting)
