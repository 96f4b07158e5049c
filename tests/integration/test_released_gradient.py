# Copyright (c) mmgmp authors.
"""The update of gmp_released equals a naive version of the released one."""

import math

import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.config import Config

from tests.utils.leaves import read_leaf
from tests.utils.updates import make_batch, wrapper_update

MODALITIES = ('video', 'audio')


@pytest.fixture(scope='module')
def cfg():
    return read_leaf('gmp_released')


def build(cfg):
    """Build the model without dropout."""
    model = MODELS.build(cfg.model).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def mean_probability(logits, target):
    probabilities = logits.detach().double().softmax(1)
    return sum(p[t].item() for p, t in zip(probabilities, target)) / len(
        target
    )


def gradients(loss, params):
    found = torch.autograd.grad(
        loss, params, retain_graph=True, allow_unused=True
    )
    return [
        torch.zeros_like(p).double() if g is None else g.double()
        for p, g in zip(params, found)
    ]


def dot(left, right):
    return sum((a * b).sum().item() for a, b in zip(left, right))


def naive_update(model, batch):
    """Three losses per encoder, as in the released training loop.

    Return the gradient of each encoder, and the cases that occurred.
    """
    labels = torch.cat([s.gt_label for s in batch['data_samples']])
    domains = torch.tensor([s.domain for s in batch['data_samples']])
    features = model.backbone(batch['inputs'])
    head = model.cls_head.classifier
    adversary = model.objectives['domain']
    fused = F.cross_entropy(head(features), labels)
    class_loss, domain_loss, q, delta = {}, {}, {}, {}
    for m in MODALITIES:
        logits = head.auxiliary[m](features[m])
        class_loss[m] = F.cross_entropy(logits, labels)
        q[m] = mean_probability(logits, labels)
        logits = adversary.discriminator(adversary.projections[m](features[m]))
        domain_loss[m] = F.cross_entropy(logits, domains)
        delta[m] = mean_probability(logits, domains)
    updates, cases = {}, set()
    for m, other in (MODALITIES, MODALITIES[::-1]):
        params = list(getattr(model.backbone, m).parameters())
        r, s = q[m] / q[other], delta[other] / delta[m]
        k = 1 - math.tanh(0.5 * r) if r > 1 else 1.0
        p = 1 - math.tanh(0.5 * s) if s > 1 else 1.0
        g = [k * 3.0 * x for x in gradients(class_loss[m], params)]
        # Reversed with strength 0.3.
        h = [p * 0.5 * -0.3 * x for x in gradients(domain_loss[m], params)]
        conflict, stronger_at_classes = dot(g, h) < 0, r > s
        cases.add((conflict, stronger_at_classes))
        if conflict and stronger_at_classes:
            share = dot(g, h) / dot(h, h)
            g = [a - share * b for a, b in zip(g, h)]
        elif conflict:
            share = dot(g, h) / dot(g, g)
            h = [b - share * a for a, b in zip(g, h)]
        parts = zip(gradients(fused, params), g, h)
        updates[m] = torch.cat([sum(part).flatten() for part in parts])
    return updates, cases


def test_update_at_the_encoders_is_the_released_one(cfg):
    seen = set()
    for seed in range(6):
        torch.manual_seed(seed)
        model = build(cfg)
        batch = make_batch(seed)
        expected, cases = naive_update(model, batch)
        seen |= cases
        actual = wrapper_update(model, batch, cfg.optim_wrapper)
        for m in MODALITIES:
            grads = [
                actual[f'backbone.{m}.{name}'].flatten().double()
                for name, _ in getattr(model.backbone, m).named_parameters()
            ]
            error = (torch.cat(grads) - expected[m]).norm()
            assert error < 1e-5 * expected[m].norm(), (seed, m)
    assert seen == {
        (conflict, side)
        for conflict in (False, True)
        for side in (False, True)
    }


@pytest.mark.parametrize(
    ('type_', 'trained'),
    [
        ('ReleasedUnimodalDomainAdversarial', False),
        ('UnimodalDomainAdversarial', True),
    ],
)
def test_discriminator_moves_unless_it_is_released(cfg, type_, trained):
    model_cfg = cfg.model.to_dict()
    adversary = model_cfg['objectives']['domain']
    assert adversary['type'] == 'ReleasedUnimodalDomainAdversarial'
    adversary['type'] = type_
    model = build(Config(dict(model=model_cfg)))
    grads = wrapper_update(model, make_batch(0), cfg.optim_wrapper)
    weights = [
        name
        for name, param in model.named_parameters()
        if name.startswith('objectives.') and param.ndim == 2
    ]
    assert len(weights) == 4
    for name in weights:
        gradient = grads[name]
        moved = gradient is not None and bool(gradient.any())
        assert moved == trained, name


def test_unimodal_heads_get_their_plain_gradient(cfg):
    model, batch = build(cfg), make_batch(0)
    labels = torch.cat([s.gt_label for s in batch['data_samples']])
    grads = wrapper_update(model, batch, cfg.optim_wrapper)
    features = model.backbone(batch['inputs'])
    for m in MODALITIES:
        layer = model.cls_head.classifier.auxiliary[m]
        loss = 3.0 * F.cross_entropy(layer(features[m].detach()), labels)
        (expected,) = torch.autograd.grad(loss, [layer.weight])
        torch.testing.assert_close(
            grads[f'cls_head.classifier.auxiliary.{m}.weight'],
            expected,
            rtol=1e-4,
            atol=1e-6,
        )
