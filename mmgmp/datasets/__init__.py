# Copyright (c) mmgmp authors.
from .domain_dataset import DomainDataset
from .hac import HACDataset
from .media import CorruptMediaError
from .mini_hac import MiniHACDataset
from .transforms import (
    AudioSpectrogram,
    CachedTransforms,
    FormatSpectrogram,
    LoadAudio,
    LoadVideo,
    SelectFrames,
    SpectrogramAugment,
)

__all__ = [
    'AudioSpectrogram',
    'CachedTransforms',
    'CorruptMediaError',
    'DomainDataset',
    'FormatSpectrogram',
    'HACDataset',
    'LoadAudio',
    'LoadVideo',
    'MiniHACDataset',
    'SelectFrames',
    'SpectrogramAugment',
]
