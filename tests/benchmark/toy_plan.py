# Copyright (c) mmgmp authors.
"""A benchmark whose runs take no time and end as they are told to."""

from mmengine.config import Config

from mmgmp.benchmark.run import Run
from tests.utils import counting_toy


def write_config(folder):
    """Write the config of the toy; its path."""
    path = folder / 'toy.py'
    Config(counting_toy.settings()).dump(path)
    return str(path)


def make_run(config, seed=0, **model):
    """A run of the toy with settings of its model."""
    overrides = {f'model.{key}': value for key, value in model.items()}
    return Run('Toy', config, 'cartoon', seed, overrides)
