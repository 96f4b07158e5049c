# Copyright (c) mmgmp authors.
from .domain_dataset import DomainDataset
from .epic_kitchens import EPICKitchensDataset
from .hac import HACDataset
from .media import CorruptMediaError
from .mini_hac import MiniHACDataset
from .pickled_frame import ForbiddenGlobalError
from .released_indexing import ReleasedIndexing
from .transforms import (
    AudioSpectrogram,
    CachedTransforms,
    CorruptAudio,
    CorruptedTarget,
    CorruptVideo,
    DecodeFrames,
    FlipFlow,
    FlowBranch,
    FormatSpectrogram,
    LoadAudio,
    LoadVideo,
    OpenFlow,
    OpenVideo,
    SelectFrames,
    SpectrogramAugment,
)

__all__ = [
    'AudioSpectrogram',
    'CachedTransforms',
    'CorruptAudio',
    'CorruptMediaError',
    'CorruptVideo',
    'CorruptedTarget',
    'DecodeFrames',
    'DomainDataset',
    'EPICKitchensDataset',
    'FlipFlow',
    'FlowBranch',
    'ForbiddenGlobalError',
    'FormatSpectrogram',
    'HACDataset',
    'LoadAudio',
    'LoadVideo',
    'MiniHACDataset',
    'OpenFlow',
    'OpenVideo',
    'ReleasedIndexing',
    'SelectFrames',
    'SpectrogramAugment',
]
