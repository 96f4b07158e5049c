# Copyright (c) mmgmp authors.
"""The update of configs/gmp equals a naive version of eq. 1-15."""

import math

import pytest
import torch
from mmaction.registry import MODELS

from tests.utils.leaves import read_leaf
from tests.utils.updates import make_batch, wrapper_update


@pytest.fixture(scope='module')
def cfg():
    return read_leaf('gmp')


def confidence(mlp, in_channels, features, modality, target):
    """Eq. 5-7: confidence in the target from one modality alone."""
    columns, start = {}, 0
    for name, width in in_channels.items():
        columns[name] = slice(start, start + width)
        start += width
    total = 0.0
    for feature, index in zip(features[modality], target):
        hidden = mlp.hidden.bias + (
            mlp.hidden.weight[:, columns[modality]] @ feature
        )
        logits = mlp.output.weight @ hidden.clamp(min=0)
        total += (logits.exp() / logits.exp().sum())[index].item()
    return total


def naive_update(model, batch, modality, alpha_k=0.5, alpha_p=0.5):
    """Gradient of one encoder by loops over its parameters, and the case."""
    losses = model(**batch, mode='loss')
    with torch.no_grad():
        features = model.backbone(batch['inputs'])
    labels = [int(s.gt_label) for s in batch['data_samples']]
    domains = [s.domain for s in batch['data_samples']]
    head = model.cls_head.classifier
    discriminator = model.objectives['domain'].discriminator
    in_channels = head.fusion.in_channels
    other = {'video': 'audio', 'audio': 'video'}[modality]
    with torch.no_grad():
        q, q_other = (
            confidence(head, in_channels, features, m, labels)
            for m in (modality, other)
        )
        c, c_other = (
            confidence(discriminator, in_channels, features, m, domains)
            for m in (modality, other)
        )
    rho, sigma = q / q_other, c_other / c
    k = 1 - math.tanh(alpha_k * rho) if rho > 1 else 1.0
    p = 1 - math.tanh(alpha_p * sigma) if sigma > 1 else 1.0

    params = dict(getattr(model.backbone, modality).named_parameters())
    g_c, g_d = {}, {}
    for loss, gradient in (('loss_cls', g_c), ('loss_domain', g_d)):
        model.zero_grad()
        losses[loss].backward(retain_graph=True)
        for name, param in params.items():
            gradient[name] = param.grad.double().clone()
    model.zero_grad()
    inner = square_c = square_d = 0.0
    for name in params:
        g_c[name] *= k
        g_d[name] *= p
        inner += (g_c[name] * g_d[name]).sum().item()
        square_c += (g_c[name] ** 2).sum().item()
        square_d += (g_d[name] ** 2).sum().item()
    update = {}
    for name in params:
        c_part, d_part = g_c[name], g_d[name]
        if inner < 0 and rho / sigma > 1:
            c_part = c_part - inner / square_d * d_part
        elif inner < 0:
            d_part = d_part - inner / square_c * c_part
        update[name] = c_part + d_part
    return update, (inner < 0, rho / sigma > 1)


def test_update_of_the_shipped_model_is_the_naive_one(cfg):
    cases = set()
    for seed in range(8):
        torch.manual_seed(seed)
        model = MODELS.build(cfg.model)
        # Otherwise batch statistics would depend on the order of the passes.
        model.train()
        for module in model.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.momentum = 0.0
        batch = make_batch(seed)
        expected = {}
        for modality in ('video', 'audio'):
            update, case = naive_update(model, batch, modality)
            cases.add(case)
            for name, gradient in update.items():
                expected[f'backbone.{modality}.{name}'] = gradient
        grads = wrapper_update(model, batch, cfg.optim_wrapper)
        for modality in ('video', 'audio'):
            names = [n for n in expected if n.split('.')[1] == modality]
            actual = torch.cat([grads[n].flatten() for n in names]).double()
            naive = torch.cat([expected[n].flatten() for n in names])
            assert (actual - naive).norm() < 1e-6 * naive.norm(), (
                seed,
                modality,
            )
    assert cases == {
        (conflict, side)
        for conflict in (False, True)
        for side in (False, True)
    }


@pytest.mark.slow
def test_bfloat16_errs_no_more_with_gmp_than_without(cfg):
    neutral = dict(modulation='none', projection='none')
    for seed in range(3):
        errors = {}
        for name, settings in dict(plain=neutral, gmp={}).items():
            flat = []
            for amp in (False, dict(dtype='bfloat16')):
                torch.manual_seed(seed)
                model = MODELS.build(cfg.model).train()
                optim_wrapper = dict(cfg.optim_wrapper, **settings, amp=amp)
                grads = wrapper_update(model, make_batch(seed), optim_wrapper)
                names = [n for n in grads if n.startswith('backbone.')]
                flat.append(torch.cat([grads[n].flatten() for n in names]))
            exact, rounded = flat
            errors[name] = (rounded - exact).norm() / exact.norm()
        assert errors['plain'] > 1e-3, seed
        assert errors['gmp'] < 1.05 * errors['plain'], (seed, errors)
