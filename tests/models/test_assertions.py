# Copyright (c) mmgmp authors.
"""The checks in ``assertions`` detect faults."""

import pytest
import torch
from mmaction.registry import MODELS
from torch import nn

from mmgmp.models import Classifier, ConcatFusion, Objective

from .assertions import (
    assert_valid_classifier,
    assert_valid_fusion,
    assert_valid_objective,
)


@MODELS.register_module()
class ToyFaultyObjective(Objective):
    tasks = {'loss_toy': 'plain'}
    uses_unlabelled = True

    def __init__(self, fault=None, **kwargs):
        super().__init__(**kwargs)
        self.fault, self.steps = fault, 0
        self.layers = nn.ModuleDict(
            {m: nn.Linear(d, 2) for m, d in self.in_channels.items()}
        )
        if fault == 'unused parameter':
            self.unused = nn.Linear(2, 2)
        extra = {
            'unknown task': {'loss_toy': 'other'},
            'two tasks': {'loss_toy': 'plain', 'loss_*': 'domain'},
            'declared in vain': {'loss_toy': 'plain', 'loss_other': 'plain'},
        }
        self.tasks = extra.get(fault, type(self).tasks)

    def forward(self, batch, model):
        self.steps += 1
        fault, features = self.fault, batch.features
        if fault == 'equal widths':
            torch.stack(list(features.values()))
        if fault == 'detached modality':
            last = list(features)[-1]
            features = {**features, last: features[last].detach()}
        rows = sum(self.layers[m](x) for m, x in features.items())
        if fault != 'half precision':
            rows = rows.float()
        loss = rows.square().mean()
        if fault == 'vector':
            loss = rows.square().mean(dim=1)
        elif fault == 'order of the rows':
            loss = rows[0].square().mean()
        elif fault == 'not finite':
            loss = loss + rows[batch.labels < 0].square().mean()
        elif fault == 'gradient not finite':
            known = batch.labels == 0
            around = rows[known] - rows[known].mean(dim=0)
            loss = loss + around.square().sum().sqrt()
        elif fault == 'hidden labels':
            loss = loss + batch.hidden_labels.clamp(min=0).square().sum()
        elif fault == 'state outside the state_dict':
            loss = loss * self.steps
        terms = dict(loss_toy=loss, spread=rows.detach().float().std())
        if fault == 'graph of a logged value':
            terms['spread'] = loss
        elif fault == 'undeclared term':
            terms['loss_other'] = loss
        elif fault == 'term of the head':
            terms['loss_cls'] = loss
        return terms


@pytest.mark.parametrize(
    ('fault', 'found'),
    [
        ('vector', 'is no scalar'),
        ('half precision', 'is torch.bfloat16'),
        ('not finite', 'is nan'),
        ('gradient not finite', 'one sample per domain'),
        ('graph of a logged value', 'graph of spread'),
        ('order of the rows', 'not close'),
        ('detached modality', 'no gradient at flow'),
        ('unused parameter', 'toy.unused.weight'),
        ('equal widths', 'equal size'),
        ('hidden labels', 'learns from'),
        ('state outside the state_dict', 'not equal'),
        ('unknown task', 'belongs to one of'),
        ('two tasks', "belongs to the tasks .'"),
        ('declared in vain', 'names loss_other'),
        ('undeclared term', r'loss_other belongs to the tasks \[\]'),
        ('term of the head', 'returns too'),
    ],
)
def test_fault_of_an_objective_is_found(fault, found):
    cfg = dict(type='ToyFaultyObjective', fault=fault)
    with pytest.raises(
        (AssertionError, RuntimeError, LookupError, ValueError), match=found
    ):
        assert_valid_objective(cfg)


@MODELS.register_module()
class ToyFaultyFusion(ConcatFusion):
    def __init__(self, in_channels, fault=None):
        super().__init__(in_channels)
        self.fault = fault
        self.out_channels += fault == 'wrong width'
        self.scale = torch.randn(()) if fault == 'state' else 1.0

    def forward(self, features):
        if self.fault == 'order of modalities':
            self.in_channels = {m: x.shape[1] for m, x in features.items()}
        if self.fault == 'absent as ones':
            absent = self.in_channels.keys() - features.keys()
            size = len(next(iter(features.values())))
            ones = {m: torch.ones(size, self.in_channels[m]) for m in absent}
            features = {**features, **ones}
        fused = self.scale * super().forward(features)
        if self.fault == 'rows mixed':
            return fused - fused.mean(dim=0)
        if self.fault == 'detached':
            return fused.detach().requires_grad_()
        return fused


@pytest.mark.parametrize(
    ('fault', 'found'),
    [
        ('wrong width', '`out_channels` is 13'),
        ('order of modalities', 'not close|must match'),
        ('absent as ones', 'not close'),
        ('rows mixed', 'not close'),
        ('detached', 'no gradient at video'),
        ('state', 'not equal'),
    ],
)
def test_fault_of_a_fusion_is_found(fault, found):
    cfg = dict(type='ToyFaultyFusion', fault=fault)
    with pytest.raises((AssertionError, RuntimeError), match=found):
        assert_valid_fusion(cfg)


@MODELS.register_module()
class ToyFaultyClassifier(Classifier):
    """A separate linear layer for each modality."""

    def __init__(self, in_channels, num_classes, fault=None):
        super().__init__(in_channels, num_classes)
        self.fault = fault
        self.layers = nn.ModuleDict(
            {m: nn.Linear(d, num_classes) for m, d in in_channels.items()}
        )
        self.scale = torch.randn(()) if fault == 'state' else 1.0
        if fault == 'unused parameter':
            self.unused = nn.Linear(2, 2)

    def forward(self, features):
        if self.fault == 'absent modality left out':
            # Its bias is missing.
            return sum(self.unimodal_logits(features).values())
        filled = {
            m: features[m] if m in features else torch.zeros(4, d)
            for m, d in self.in_channels.items()
        }
        logits = sum(self.layers[m](x) for m, x in filled.items())
        if self.fault == 'detached modality':
            last = self.layers[list(filled)[-1]]
            logits = logits.detach() + last(filled[list(filled)[-1]])
        return logits if self.fault == 'half precision' else logits.float()

    def unimodal_logits(self, features):
        found = {
            m: self.scale * self.layers[m](x).float()
            for m, x in features.items()
        }
        if self.fault == 'logits mixed':
            mean = sum(found.values()) / len(found)
            found = {m: x + mean for m, x in found.items()}
        return found

    def auxiliary_losses(self, logits, target, name):
        if self.fault == 'name of a loss':
            return {f'{m}_{name}': x.mean() for m, x in logits.items()}
        return {}


@pytest.mark.parametrize(
    ('fault', 'found'),
    [
        ('absent modality left out', 'not close'),
        ('detached modality', 'no gradient at video'),
        ('half precision', 'fused is torch.bfloat16'),
        ('logits mixed', 'not close'),
        ('name of a loss', 'losses are .*video_loss_x'),
        ('state', 'not equal'),
        ('unused parameter', 'unused.weight'),
    ],
)
def test_fault_of_a_classifier_is_found(fault, found):
    cfg = dict(type='ToyFaultyClassifier', fault=fault)
    with pytest.raises(AssertionError, match=found):
        assert_valid_classifier(cfg)


def test_types_without_a_fault_pass():
    assert_valid_objective(dict(type='ToyFaultyObjective'))
    assert_valid_fusion(dict(type='ToyFaultyFusion'))
    assert_valid_classifier(dict(type='ToyFaultyClassifier'))
