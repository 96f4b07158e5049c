# Copyright (c) mmgmp authors.
import random
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
import torch


class Stream(IntEnum):
    """Purposes of random numbers, the first entry of the key of a seed."""

    EPOCH = 0
    ITERATION = 1
    VALIDATION = 2
    SAMPLE = 3
    PASS = 4
    CORRUPTION = 5
    UPDATE = 6


def derive_seed(*key: int) -> int:
    """Hash integers to a seed with ``SeedSequence`` of NumPy.

    Keys that differ in a value or in length give independent seeds.

    Args:
        *key: Integers of at least 0.

    Returns:
        Seed in [0, 2^32).

    Example:
        >>> derive_seed(Stream.SAMPLE, 0) == derive_seed(Stream.SAMPLE, 0, 0)
        False
    """
    # Without the length, a key and the same key followed by 0 have one hash.
    sequence = np.random.SeedSequence((len(key), *key))
    return int(sequence.generate_state(1)[0])


def seed_generators(seed: int) -> None:
    """Seed the global generators of Python, numpy and torch.

    This includes torch's generators of all devices. It does not initialize
    CUDA.

    Args:
        seed: Seed in [0, 2^32).
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextmanager
def fixed_draws(seed: int, device: torch.device):
    """Draw from torch's generators after ``seed``, and restore them.

    Args:
        seed: Seed in [0, 2^32).
        device: Device whose generator is set, in addition to the CPU's.
    """
    on_gpu = device.type == 'cuda'
    with torch.random.fork_rng([device] if on_gpu else []):
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            torch.cuda.manual_seed(seed)
        yield


def generator_states() -> tuple:
    """Return the states of the generators of Python, numpy and torch's CPU."""
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def set_generator_states(states: tuple) -> None:
    """Restore the states of the generators.

    Args:
        states: Output of :func:`generator_states`.
    """
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
