# Copyright (c) mmgmp authors.
"""A prediction uses the class names of the training."""

import pytest
import torch
from mmengine.config import Config

from mmgmp.apis.inferencers import classes
from mmgmp.datasets import MiniHACDataset
from tests.utils.prediction import CONFIG, load

OWN = tuple('abcdefg')


@pytest.fixture
def warnings(monkeypatch):
    lines = []

    def keep(text, **kwargs):
        lines.append(text)

    monkeypatch.setattr(classes, 'print_log', keep)
    return lines


@pytest.fixture
def trained(checkpoint, tmp_path):
    """A checkpoint with class names."""

    def trained(names):
        content = torch.load(checkpoint, weights_only=True)
        content['meta'] = dict(dataset_meta=dict(classes=names))
        torch.save(content, tmp_path / 'trained.pth')
        return tmp_path / 'trained.pth'

    return trained


@pytest.mark.parametrize('kind', [list, tuple])
def test_names_of_the_checkpoint(trained, clip, warnings, kind):
    inferencer = load(trained(kind(OWN)))
    assert inferencer.classes == OWN
    prediction = inferencer(clip, topk=7)['predictions'][0]
    assert {c['name'] for c in prediction['classes']} == {*OWN}
    assert all(OWN[c['label']] == c['name'] for c in prediction['classes'])
    (line,) = warnings
    assert f'those of the training were {list(OWN)}' in line


def test_config_without_names(trained, warnings):
    cfg = Config.fromfile(CONFIG)
    cfg.test_dataloader.dataset.type = 'ClipsDataset'
    assert load(trained(OWN), cfg).classes == OWN
    # The file of the names is not needed.
    cfg.test_dataloader.dataset.metainfo = dict(classes='gone.txt')
    assert load(trained(OWN), cfg).classes == OWN
    assert not warnings


def test_names_of_the_config(checkpoint, trained, warnings):
    expected = MiniHACDataset.METAINFO['classes']
    assert load(checkpoint).classes == expected
    assert load(trained(expected)).classes == expected
    assert load(trained(None)).classes == expected
    assert not warnings


def test_another_number_of_names(trained):
    with pytest.raises(ValueError, match='has 7 classes, but the checkpoint'):
        load(trained(('a', 'b')))
