# Copyright (c) mmgmp authors.
"""A checkpoint, its inferencer, and clips to predict."""

import pytest
from mmaction.registry import DATASETS
from mmengine.config import Config

from tests.utils.muxing import mux
from tests.utils.prediction import CONFIG, load, save_model


@pytest.fixture(scope='session')
def root(tmp_path_factory):
    return tmp_path_factory.mktemp('prediction')


@pytest.fixture(scope='session')
def checkpoint(root):
    save_model(root / 'model.pth')
    return root / 'model.pth'


@pytest.fixture(scope='session')
def model(root):
    return save_model(root / 'same.pth')


@pytest.fixture(scope='session')
def inferencer(checkpoint):
    # The folder of the config's dataset does not exist under this name.
    cfg = Config.fromfile(CONFIG)
    cfg.test_dataloader.dataset.data_root = 'nowhere'
    return load(checkpoint, cfg)


@pytest.fixture(scope='session')
def dataset(tiny_mini_hac):
    cfg = Config.fromfile(CONFIG)
    cfg.merge_from_dict(tiny_mini_hac)
    return DATASETS.build(cfg.test_dataloader.dataset)


@pytest.fixture(scope='session')
def clips(dataset):
    """Video and wav of three clips of the target, of three classes."""
    infos = [dataset.get_data_info(i) for i in range(3)]
    return [(info['filename'], info['audio_path']) for info in infos]


@pytest.fixture(scope='session')
def clip(root, clips):
    """A clip with its sound."""
    return mux(*clips[0], root / 'clip.mp4')
