# Copyright (c) mmgmp authors.
"""White noise that belongs to a clip."""

import math
import os
import zlib
from enum import IntEnum

import numpy as np

from mmgmp.utils.seeding import Stream, derive_seed


class Medium(IntEnum):
    """What the noise of a clip is for."""

    VIDEO = 0
    AUDIO = 1


def add_noise(
    signal: np.ndarray, snr: float, generator: np.random.Generator
) -> np.ndarray:
    """Add white Gaussian noise to a signal.

    The variance of the noise is ``mean(signal ** 2) / snr``.

    Args:
        signal: Signal of any shape.
        snr: Ratio of the power (mean square) of the signal to the power of
            the noise; 1 is 0 dB.
        generator: Random generator.

    Returns:
        The noisy signal, float32.
    """
    power = np.square(signal, dtype=np.float64).mean()
    noise = generator.standard_normal(signal.shape, dtype=np.float32)
    noise *= np.float32(math.sqrt(power / snr))
    noise += signal
    return noise


def clip_generator(
    results: dict, medium: Medium, number: int
) -> np.random.Generator:
    """Random generator that is the same whenever a clip is read.

    Args:
        results: Item with ``domain_name``, where there are domains, and
            ``filename``, whose last part counts: both are the same on another
            machine, and in whichever order and subset the clips are read.
        medium: What the random numbers are for.
        number: Number of the part of the file.
    """
    name = os.path.basename(results['filename'])
    clip = zlib.crc32(f'{results.get("domain_name")}/{name}'.encode())
    seed = derive_seed(Stream.CORRUPTION, medium, clip, number)
    return np.random.default_rng(seed)


def check_snr(name: str, snr: float) -> None:
    """Refuse a ratio that is not positive.

    Raises:
        ValueError: If it is not.
    """
    if not 0 < snr < math.inf:
        raise ValueError(
            f'`{name}` must be a positive ratio of powers (not dB), got {snr}'
        )
