# Copyright (c) mmgmp authors.
"""How published checkpoints name the tensors of an encoder."""

from typing import NamedTuple


class Rule(NamedTuple):
    """Conversion of the tensors whose names start with a prefix.

    Attributes:
        prefix: Start of the names.
        replacement: New prefix in the encoder. None drops the tensors.
        reason: Why they are dropped.
    """

    prefix: str
    replacement: str | None
    reason: str = ''


SAME_NAMES = (Rule('', ''),)
# Published VGGSound classifiers have a torchvision-like ResNet as `audnet`.
VGGSOUND_RULES = (
    Rule('audnet.fc.', None, 'classifier of VGGSound'),
    Rule('audnet.', ''),
)
# SlowFast and SlowOnly have the same names in mmaction 0.x and 1.x.
MMACTION_RULES = (
    Rule('cls_head.', None, 'classifier of the pre-training'),
    Rule('backbone.', ''),
)
