# Copyright (c) mmgmp authors.
import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform


@TRANSFORMS.register_module()
class FormatSpectrogram(BaseTransform):
    """Give a spectrogram the channel dimension of an image.

    Required keys:

        - audios (np.ndarray): Spectrogram (F, T').

    Modified keys:

        - audios (np.ndarray): (1, F, T') float32, contiguous.
    """

    def transform(self, results: dict) -> dict:
        """Add the channel dimension."""
        results['audios'] = np.ascontiguousarray(
            results['audios'][None], dtype=np.float32
        )
        return results
