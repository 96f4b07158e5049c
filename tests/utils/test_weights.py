# Copyright (c) mmgmp authors.
"""Weights are loaded completely, or the reason is named."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from mmgmp.utils.checkpoints import CheckpointError
from mmgmp.utils.weights import load_complete, load_matching, weights_of


class Model(nn.Module):
    def __init__(self, classes=3, width=4, depth=4):
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.modalities = ['video', 'audio']
        for name in self.backbone.modalities:
            layers = [nn.Linear(width, width) for _ in range(depth)]
            self.backbone.add_module(
                name, nn.Sequential(*layers, nn.BatchNorm1d(width))
            )
        self.head = nn.Linear(width, classes)
        self.objectives = nn.ModuleDict(dict(domain=nn.Linear(width, 2)))
        self.register_buffer('mask', torch.tensor([0.0, -torch.inf]))


def state(model=None):
    return OrderedDict((model or Model()).state_dict())


def equal(model, weights):
    own = model.state_dict()
    return all(torch.equal(own[name], weights[name]) for name in weights)


def test_weights_of_the_same_model():
    weights, model = state(), Model()
    load_complete(model, dict(state_dict=weights, meta={}), 'a.pth')
    assert equal(model, weights)
    model = Model()
    assert not load_matching(model, weights, 'a.pth')
    assert equal(model, weights)


def test_objectives_do_not_matter_for_a_test():
    weights = state()
    changed = {n: v for n, v in weights.items() if 'objectives' not in n}
    changed['objectives.other.weight'] = torch.full((2,), torch.nan)
    model = Model()
    load_complete(model, changed, 'a.pth', 'objectives.')
    assert equal(model, {n: v for n, v in changed.items() if n in weights})
    with pytest.raises(CheckpointError, match='2 missing.*1 unexpected'):
        load_complete(Model(), changed, 'a.pth')


def test_counts_of_older_versions_may_be_absent():
    weights = state()
    for name in [n for n in weights if n.endswith('num_batches_tracked')]:
        del weights[name]
    load_complete(Model(), weights, 'a.pth')


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('backbone.video.4.running_mean', torch.nan),
        ('head.weight', -torch.inf),
    ],
)
@pytest.mark.parametrize('load', [load_complete, load_matching])
def test_values_that_are_not_finite(load, name, value):
    weights = state()
    weights[name] = torch.full_like(weights[name], value)
    with pytest.raises(CheckpointError, match=f'not finite.*: {name}$'):
        load(Model(), weights, 'a.pth')


def test_new_head_is_named():
    weights, model = state(), Model(classes=5)
    before = model.head.weight.clone()
    misfit = load_matching(model, weights, 'a.pth')
    assert str(misfit) == (
        '2 misshaped: head.bias with the shape (3,) instead of (5,), '
        'head.weight with the shape (3, 4) instead of (5, 4)'
    )
    assert torch.equal(model.head.weight, before)
    del weights['head.weight'], weights['head.bias']
    assert misfit.missing == []
    misfit = load_matching(model, weights, 'a.pth')
    assert misfit.missing == ['head.weight', 'head.bias']


def test_missing_encoder_is_refused():
    weights = {n: v for n, v in state().items() if '.audio.' not in n}
    with pytest.raises(CheckpointError, match=r'only 0 of 12 .*\.audio are'):
        load_matching(Model(), weights, 'a.pth')
    # It is pre-trained.
    load_matching(Model(), weights, 'a.pth', ready=['audio'])


@pytest.mark.parametrize(
    'other', [Model(width=8), nn.Linear(2, 2), Model(depth=1)]
)
def test_other_architecture_is_refused(other):
    weights = other.state_dict()
    for load in (load_complete, load_matching):
        with pytest.raises(CheckpointError, match='is of another model'):
            load(Model(), weights, 'a.pth')


def test_model_without_encoders():
    weights = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)).state_dict()
    one = {n: v for n, v in weights.items() if n.startswith('0')}
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(3)))
    with pytest.raises(CheckpointError, match='only 2 of 6'):
        load_matching(model, one, 'a.pth')
    assert len(load_matching(model, weights, 'a.pth').missing) == 2


def test_versions_of_layers_are_kept():
    weights = state()
    weights._metadata = dict(version=1)
    assert weights_of(weights, 'a.pth')._metadata == dict(version=1)
