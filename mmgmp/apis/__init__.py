# Copyright (c) mmgmp authors.
from .extract_features import DomainFeatures, extract_features
from .inferencers.audio_video_inferencer import AudioVideoInferencer
from .inferencers.predictions import format_prediction
from .train import train
from .train_and_test import (
    format_summary,
    mean_summary,
    train_and_test,
)

__all__ = [
    'AudioVideoInferencer',
    'DomainFeatures',
    'extract_features',
    'format_prediction',
    'format_summary',
    'mean_summary',
    'train',
    'train_and_test',
]
