# Copyright (c) mmgmp authors.
from .audio_spectrogram import AudioSpectrogram
from .cached_transforms import CachedTransforms
from .format_spectrogram import FormatSpectrogram
from .load_audio import LoadAudio
from .load_video import LoadVideo
from .select_frames import SelectFrames
from .spectrogram_augment import SpectrogramAugment

__all__ = [
    'AudioSpectrogram',
    'CachedTransforms',
    'FormatSpectrogram',
    'LoadAudio',
    'LoadVideo',
    'SelectFrames',
    'SpectrogramAugment',
]
