# Copyright (c) mmgmp authors.
from .inferencers import AudioVideoInferencer, format_prediction
from .train_select_test import (
    format_summary,
    mean_summary,
    train_select_test,
)

__all__ = [
    'AudioVideoInferencer',
    'format_prediction',
    'format_summary',
    'mean_summary',
    'train_select_test',
]
