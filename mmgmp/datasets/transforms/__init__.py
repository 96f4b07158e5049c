# Copyright (c) mmgmp authors.
from .audio_spectrogram import AudioSpectrogram
from .cached_transforms import CachedTransforms
from .corrupt_audio import CorruptAudio
from .corrupt_video import CorruptVideo
from .corrupted_target import CorruptedTarget
from .decode_frames import DecodeFrames
from .flip_flow import FlipFlow
from .flow_branch import FlowBranch
from .format_spectrogram import FormatSpectrogram
from .load_audio import LoadAudio
from .load_video import LoadVideo
from .open_flow import OpenFlow
from .open_video import OpenVideo
from .select_frames import SelectFrames
from .spectrogram_augment import SpectrogramAugment

__all__ = [
    'AudioSpectrogram',
    'CachedTransforms',
    'CorruptAudio',
    'CorruptVideo',
    'CorruptedTarget',
    'DecodeFrames',
    'FlipFlow',
    'FlowBranch',
    'FormatSpectrogram',
    'LoadAudio',
    'LoadVideo',
    'OpenFlow',
    'OpenVideo',
    'SelectFrames',
    'SpectrogramAugment',
]
