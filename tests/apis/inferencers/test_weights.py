# Copyright (c) mmgmp authors.
"""Matching weights are loaded, and others are rejected."""

import os
from pathlib import Path

import pytest
import torch

from tests.utils.prediction import difference, load, predict


def test_objectives_are_not_needed(inferencer, checkpoint, clip, tmp_path):
    saved = torch.load(checkpoint)
    state = saved['state_dict']
    objectives = [k for k in state if k.startswith('objectives.')]
    assert objectives
    for key in objectives:
        del state[key]
    torch.save(saved, tmp_path / 'model.pth')
    with_them, without = (
        predict(i, clip)[0] for i in (inferencer, load(tmp_path / 'model.pth'))
    )
    assert difference(with_them, without) == 0


def test_keys_that_do_not_fit_are_listed(checkpoint, tmp_path):
    saved = torch.load(checkpoint)
    state = saved['state_dict']
    path = tmp_path / 'model.pth'
    output = 'cls_head.classifier.output'
    state['surplus.weight'] = state.pop(f'{output}.bias')
    state[f'{output}.weight'] = state[f'{output}.weight'][:5]
    torch.save(saved, path)
    with pytest.raises(ValueError, match=r'model\.pth') as info:
        load(path)
    message = str(info.value)
    assert 'unexpected key in source state_dict: surplus.weight' in message
    assert f'missing keys in source state_dict: {output}.bias' in message
    assert f'size mismatch for {output}.weight' in message


class Command:
    def __reduce__(self):
        return os.mkdir, ('executed',)


def test_foreign_class_is_refused(checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved = dict(torch.load(checkpoint), extra=Command())
    torch.save(saved, 'evil.pth')
    with pytest.raises(ValueError, match=r'evil\.pth was not read.*mkdir'):
        load('evil.pth')
    assert not Path('executed').exists()


@pytest.mark.parametrize('content', [b'', b'hello this is text', None])
def test_damaged_checkpoint_is_named(checkpoint, tmp_path, content):
    path = tmp_path / 'damaged.pth'
    path.write_bytes(content or checkpoint.read_bytes()[:5000])
    if content == b'':
        path.write_bytes(b'')
    with pytest.raises(ValueError, match=r'damaged\.pth'):
        load(path)
