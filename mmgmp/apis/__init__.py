# Copyright (c) mmgmp authors.
from .extract_features import DomainFeatures, extract_features
from .inferencers import AudioVideoInferencer, format_prediction
from .train_select_test import (
    format_summary,
    mean_summary,
    train_select_test,
)

__all__ = [
    'AudioVideoInferencer',
    'DomainFeatures',
    'extract_features',
    'format_prediction',
    'format_summary',
    'mean_summary',
    'train_select_test',
]
