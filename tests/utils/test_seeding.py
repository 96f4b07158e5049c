# Copyright (c) mmgmp authors.
"""Seeds by key, and the three global generators."""

import random

import numpy as np
import torch

from mmgmp.utils.seeding import (
    derive_seed,
    generator_states,
    seed_generators,
    set_generator_states,
)


def draw():
    return random.random(), np.random.rand(), float(torch.rand(()))


def test_keys_give_distinct_seeds():
    keys = [(a, b) for a in range(40) for b in range(40)]
    keys += [(a,) for a in range(40)] + [(a, 0, 0) for a in range(40)]
    seeds = {derive_seed(*key) for key in keys}
    assert len(seeds) == len(keys)
    assert all(0 <= seed < 2**32 for seed in seeds)
    # Stable over machines and versions: a run may be resumed elsewhere.
    assert derive_seed(1, 2, 3) == 1612568899


def test_generators_follow_the_seed():
    seed_generators(7)
    first = draw()
    assert len(set(first)) == 3
    second = draw()
    seed_generators(7)
    assert draw() == first
    assert second != first
    seed_generators(8)
    assert not set(draw()) & set(first)


def test_states_come_back():
    states = generator_states()
    first = draw()
    set_generator_states(states)
    assert draw() == first
