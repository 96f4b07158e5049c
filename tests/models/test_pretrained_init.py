# Copyright (c) mmgmp authors.
"""``init_cfg`` loads weights that fit, and no others."""

import pytest
import torch
from mmengine.model import BaseModule
from torch import nn

from mmgmp.utils.checkpoints import CheckpointError


class Encoder(BaseModule):
    def __init__(self, **init_cfg):
        super().__init__(init_cfg=dict(type='Pretrained', **init_cfg))
        self.layers = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))


@pytest.fixture
def saved(tmp_path):
    encoder = Encoder(checkpoint='')
    state = encoder.state_dict()
    torch.save(state, tmp_path / 'encoder.pth')
    whole = {f'backbone.{name}': value for name, value in state.items()}
    torch.save(dict(state_dict=whole), tmp_path / 'whole.pth')
    return state


@pytest.mark.parametrize(
    'init_cfg',
    [
        dict(checkpoint='encoder.pth'),
        dict(checkpoint='whole.pth', prefix='backbone.'),
        dict(checkpoint='whole.pth', prefix='backbone'),
    ],
)
def test_weights_that_fit(init_cfg, saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    encoder = Encoder(**init_cfg)
    encoder.init_weights()
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, saved[name])


@pytest.mark.parametrize(
    ('init_cfg', 'message'),
    [
        (dict(checkpoint='whole.pth'), r'only 0 of 4 weights of the model'),
        (dict(checkpoint='whole.pth', prefix='neck'), "under `prefix` 'neck'"),
    ],
)
def test_weights_of_something_else(
    init_cfg, message, saved, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=message):
        Encoder(**init_cfg).init_weights()
