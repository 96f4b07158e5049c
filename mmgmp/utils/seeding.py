# Copyright (c) mmgmp authors.
import random
from enum import IntEnum

import numpy as np
import torch


class Stream(IntEnum):
    """What random numbers are for, the first entry of a seed's key."""

    EPOCH = 0
    ITERATION = 1
    VALIDATION = 2
    SAMPLE = 3
    PASS = 4
    CORRUPTION = 5
    UPDATE = 6


def derive_seed(*key: int) -> int:
    """Hash integers to a seed.

    Keys that differ in anything, their length included, give seeds that have
    nothing in common; numpy's ``SeedSequence`` does the hashing.

    Args:
        *key: Integers from 0 on.

    Returns:
        Seed in [0, 2^32).
    """
    # Without its length, a key and the same key followed by 0 hash alike.
    sequence = np.random.SeedSequence((len(key), *key))
    return int(sequence.generate_state(1)[0])


def seed_generators(seed: int) -> None:
    """Seed the global generators of Python, numpy and torch.

    Torch's are those of the CPU and of all devices; a CUDA that is not in use
    stays so.

    Args:
        seed: Seed in [0, 2^32).
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def generator_states() -> tuple:
    """States of the global generators of Python, numpy and torch's CPU."""
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def set_generator_states(states: tuple) -> None:
    """Put the generators back to what :func:`generator_states` gave.

    Args:
        states: The states.
    """
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
