# Copyright (c) mmgmp authors.
"""Every test has the same seed and the scope of mmaction."""

import gc

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import set_random_seed

from mmgmp.datasets.synthetic import MiniHACSpec, generate_mini_hac
from mmgmp.utils import register_all_modules
from tests.utils.own_clips import index_clips, write_clips

register_all_modules()
# Every dataset of MMEngine runs the garbage collector. With all imported
# objects, this takes longer than the rest of building it.
gc.freeze()

TINY_SPEC = dict(
    train_clips=2, test_clips=1, size=64, min_seconds=0.5, max_seconds=0.8
)


def pytest_runtest_setup(item):
    if item.get_closest_marker('gpu') and not torch.cuda.is_available():
        pytest.skip('needs a GPU')


@pytest.fixture(autouse=True)
def scope():
    # A runner of an earlier test may have left another one.
    current = DefaultScope.get_current_instance()
    if current is None or current.scope_name != 'mmaction':
        register_all_modules()


@pytest.fixture(autouse=True)
def seed():
    # Pooling over time has no deterministic gradient on a GPU.
    set_random_seed(0, deterministic=not torch.cuda.is_available())


@pytest.fixture(scope='session')
def tiny_mini_hac(tmp_path_factory):
    """Settings that point a MiniHAC config to a tree of 63 short clips."""
    root = tmp_path_factory.mktemp('data') / 'mini_hac'
    generate_mini_hac(root, MiniHACSpec(**TINY_SPEC), workers=1)
    settings = {}
    for part in ('train', 'val', 'test'):
        dataset = f'{part}_dataloader.dataset'
        settings[f'{dataset}.data_root'] = str(root)
        settings[f'{dataset}.spec'] = TINY_SPEC
    return settings


@pytest.fixture(scope='session')
def own_clips(tmp_path_factory):
    """Folder of 18 clips with their table, and its setting beside it."""
    root = write_clips(tmp_path_factory.mktemp('own') / 'clips')
    index_clips(root)
    index_clips(root, 'pretrained')
    return root
