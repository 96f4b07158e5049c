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
    assert str(info.value).endswith(
        f'1 missing: {output}.bias; 1 unexpected: surplus.weight; '
        f'1 misshaped: {output}.weight with the shape (5, 256) instead of '
        '(7, 256)'
    )


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


def test_weights_that_are_not_finite_are_refused(checkpoint, tmp_path):
    saved = torch.load(checkpoint)
    state = saved['state_dict']
    for name, value in [
        ('backbone.audio.bn1.running_var', torch.inf),
        ('cls_head.classifier.output.weight', torch.nan),
    ]:
        whole = state[name].clone()
        state[name][0] = value
        torch.save(saved, tmp_path / 'diverged.pth')
        with pytest.raises(ValueError, match=f'diverged.pth .*: {name}$'):
            load(tmp_path / 'diverged.pth')
        state[name] = whole
    # Prediction does not use the objectives.
    unused = next(k for k in state if k.startswith('objectives.'))
    state[unused][:] = torch.nan
    torch.save(saved, tmp_path / 'fine.pth')
    load(tmp_path / 'fine.pth')


def test_names_of_a_distributed_model(inferencer, checkpoint, clip, tmp_path):
    state = torch.load(checkpoint)['state_dict']
    state = {f'module.{name}': value for name, value in state.items()}
    torch.save(state, tmp_path / 'model.pth')
    first, second = (
        predict(i, clip)[0] for i in (inferencer, load(tmp_path / 'model.pth'))
    )
    assert difference(first, second) == 0


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({}, 'it has no entries'),
        ({'state_dict': {}}, 'it has state_dict'),
        ({'ema_state_dict': {'a': torch.ones(1)}}, 'it has ema_state_dict'),
        ([torch.ones(1)], 'contains a list'),
    ],
)
def test_file_without_weights(content, message, tmp_path):
    torch.save(content, tmp_path / 'none.pth')
    with pytest.raises(ValueError, match=rf'none\.pth .*{message}'):
        load(tmp_path / 'none.pth')


def test_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match='is a folder: pass a file in it'):
        load(tmp_path)
