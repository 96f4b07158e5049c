# Copyright (c) mmgmp authors.
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from ..noise import Medium, add_noise, check_snr, clip_generator


@TRANSFORMS.register_module()
class CorruptAudio(BaseTransform):
    """Add white Gaussian noise to a waveform, always the same for a clip.

    It makes another domain, see :class:`~mmgmp.datasets.CorruptedTarget`. The
    power of the noise is that of the waveform, as it was loaded, over
    ``snr``; silence stays silent. The noise of a clip is one sequence, which
    begins where the loaded piece of sound does.

    Required keys:

        - audios (np.ndarray): Waveform (S,), of
          :class:`~mmgmp.datasets.LoadAudio`.
        - filename (str): Identifies the clip, together with
        - start_index (int, optional).

    Modified keys:

        - audios (np.ndarray): Waveform (S,) float32; it may leave [-1, 1].

    Args:
        snr: Ratio of the powers (mean squares) of sound and noise, not in dB;
            1.0, the default, is that of `Boomda
            <https://arxiv.org/abs/2511.08152>`_.

    Raises:
        ValueError: If ``snr`` is not positive, or (a call) if ``audios`` is
            no waveform.
    """

    def __init__(self, snr: float = 1.0) -> None:
        check_snr('snr', snr)
        self.snr = snr

    def transform(self, results: dict) -> dict:
        """Add the noise."""
        wave = results['audios']
        if wave.ndim != 1:
            raise ValueError(
                f'`audios` has the shape {wave.shape} and is no waveform: put '
                'CorruptAudio right after LoadAudio'
            )
        generator = clip_generator(
            results, Medium.AUDIO, results.get('start_index', 0)
        )
        results['audios'] = add_noise(wave, self.snr, generator)
        return results

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(snr={self.snr})'
