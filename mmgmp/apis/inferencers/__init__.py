# Copyright (c) mmgmp authors.
from .audio_video_inferencer import AudioVideoInferencer
from .prediction import format_prediction

__all__ = ['AudioVideoInferencer', 'format_prediction']
