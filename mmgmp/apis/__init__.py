# Copyright (c) mmgmp authors.
from .extract_features import DomainFeatures, extract_features
from .inferencers.audio_video_inferencer import AudioVideoInferencer
from .inferencers.predictions import format_prediction
from .summary import format_summary, mean_summary
from .train import train
from .train_and_test import train_and_test

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
