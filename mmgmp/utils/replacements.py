# Copyright (c) mmgmp authors.
"""Samples that a dataset gives in place of corrupt ones.

A batch needs some sample at the place of a corrupt one. In training, it is as
good as any other; in evaluation, it is left out of the scores.
"""

from typing import Any

from mmengine.structures import BaseDataElement

_KEY = 'is_replacement'


def mark_replacement(data: dict | None, test_mode: bool) -> dict | None:
    """Mark the packed data of a replacement in its metainfo.

    Args:
        data: Output of a pipeline; only the result of ``PackActionInputs`` is
            marked.
        test_mode: Whether to remove the label, so that no metric can score
            the sample.
    """
    sample = (data or {}).get('data_samples')
    if isinstance(sample, BaseDataElement):
        sample.set_metainfo({_KEY: True})
        if test_mode and 'gt_label' in sample:
            del sample.gt_label
    return data


def is_replacement(sample: Any) -> bool:
    """Check whether a data sample, or its dict, replaces a corrupt one."""
    return bool(sample.get(_KEY, False))
