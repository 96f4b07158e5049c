# Copyright (c) mmgmp authors.
from .base import DomainDataset
from .clips.dataset import ClipsDataset
from .epic_kitchens import EPICKitchensDataset
from .hac import HACDataset
from .media.container import CorruptMediaError
from .mini_hac import MiniHACDataset
from .samplers.source_target import SourceTargetBatchSampler
from .transforms.audio import LoadAudio
from .transforms.caching import CachedTransforms
from .transforms.corruption import CorruptAudio, CorruptedTarget, CorruptVideo
from .transforms.flow import FlipFlow, FlowBranch, OpenFlow
from .transforms.spectrogram import (
    AudioSpectrogram,
    FormatSpectrogram,
    SpectrogramAugment,
)
from .transforms.video import DecodeFrames, OpenVideo, ResampleFrames

__all__ = [
    'AudioSpectrogram',
    'CachedTransforms',
    'ClipsDataset',
    'CorruptAudio',
    'CorruptMediaError',
    'CorruptVideo',
    'CorruptedTarget',
    'DecodeFrames',
    'DomainDataset',
    'EPICKitchensDataset',
    'FlipFlow',
    'FlowBranch',
    'FormatSpectrogram',
    'HACDataset',
    'LoadAudio',
    'MiniHACDataset',
    'OpenFlow',
    'OpenVideo',
    'ResampleFrames',
    'SourceTargetBatchSampler',
    'SpectrogramAugment',
]
