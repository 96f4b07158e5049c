# Copyright (c) mmgmp authors.
"""Checks of an objective."""

import torch
from torch.testing import assert_close

from tests.models.toy import (
    make_batch,
    make_inputs,
    make_samples,
    recognizer_cfg,
)

from .common import MODALITIES, build, check_losses, check_tasks, total_loss

# Six labelled rows of two domains, six without a label.
LABELS = torch.tensor([0, 1, 2, 1, 0, 2, -1, -1, -1, -1, -1, -1])
DOMAINS = torch.tensor([0, 1, 1, 0, 1, 0, -1, -1, -1, -1, -1, -1])
HIDDEN = torch.tensor([-1, -1, -1, -1, -1, -1, 0, 1, 2, 0, 1, 2])
# (labels, domains)
DEGENERATE = {
    'one sample per domain': ([0, 1], [0, 1]),
    'one sample per domain and of the target': ([0, 1, -1], [0, 1, -1]),
    'two samples of one class and domain': ([1, 1], [0, 0]),
    'one class and domain beside the target': ([1, 1, -1, -1], [0, 0, -1, -1]),
    'labelled samples alone': ([0, 1, 2, 1], [0, 1, 0, 1]),
}
# For objectives that use the target; they may have a single source.
DEGENERATE_TARGET = {
    'one sample of one source and of the target': ([1, -1], [0, -1]),
    'one sample of the target': ([0, 1, 2, -1], [0, 1, 0, -1]),
}


def run_objective(
    cfg, modalities, labels, domains, hidden=None, order=None, model=None
):
    """Return the model, the batch and the terms of an objective."""
    if model is None:
        model = build(recognizer_cfg(modalities, objectives=dict(toy=cfg)))
    labels, domains = torch.as_tensor(labels), torch.as_tensor(domains)
    hidden = torch.full_like(labels, -1) if hidden is None else hidden
    order = torch.arange(len(labels)) if order is None else order
    inputs = make_inputs(modalities, len(labels))
    batch = make_batch(
        model,
        {m: x[order] for m, x in inputs.items()},
        labels[order],
        domains[order],
        hidden[order],
    )
    for feature in batch.features.values():
        feature.retain_grad()
    objective = model.objectives['toy']
    seen = batch if objective.uses_unlabelled else batch.labelled()
    torch.manual_seed(1)
    return model, batch, objective(seen, model)


def assert_valid_objective(cfg):
    """Check an objective.

    Args:
        cfg: Its config, or a function of the modalities that gives it.
    """
    for modalities in MODALITIES:
        own = cfg(modalities) if callable(cfg) else cfg
        _check_objective(own, modalities)


def _check_objective(cfg, modalities):
    full = (cfg, modalities, LABELS, DOMAINS, HIDDEN)
    model, _, terms = run_objective(*full)
    check_losses(terms)
    with torch.no_grad():
        # Simulate training: a teacher equals the model in the first step.
        for param in model.backbone.parameters():
            param.add_(torch.randn_like(param))
    _, batch, later = run_objective(*full, model=model)
    total_loss(later).backward()
    for modality, feature in batch.features.items():
        assert feature.grad is not None, f'no gradient at {modality}'
        assert feature.grad.any(), f'no gradient at {modality}'
    for name, param in model.objectives.named_parameters():
        # Otherwise DDP would wait for it.
        assert param.grad is not None or not param.requires_grad, name

    with torch.autocast('cpu', torch.bfloat16):
        check_losses(run_objective(*full)[2])
    order = torch.randperm(len(LABELS))
    assert_close(run_objective(*full, order)[2], terms)
    others = torch.where(HIDDEN < 0, HIDDEN, 2)
    blind = run_objective(*full[:-1], others)[2]
    assert torch.equal(total_loss(blind), total_loss(terms)), (
        'learns from `hidden_labels`'
    )

    uses_unlabelled = model.objectives['toy'].uses_unlabelled
    cases = {**DEGENERATE, **(DEGENERATE_TARGET if uses_unlabelled else {})}
    for name, rows in cases.items():
        _, batch, few = run_objective(cfg, modalities, *rows)
        check_losses(few)
        total_loss(few).backward()
        for feature in batch.features.values():
            grad = feature.grad
            assert grad is None or grad.isfinite().all(), (
                f'gradient is not finite for {name}'
            )

    # The objective may have changed its state.
    copy = build(recognizer_cfg(modalities, objectives=dict(toy=cfg)), seed=2)
    copy.load_state_dict(model.state_dict())
    again, restored = (run_objective(*full, model=m)[2] for m in (model, copy))
    assert_close(restored, again, rtol=0, atol=0)

    declared = model.objectives['toy'].tasks
    for name in (glob for glob in declared if not set(glob) & set('*?[')):
        assert name in terms, f'`tasks` names {name}, which is not returned'
    _check_in_model(cfg, modalities)


def _check_in_model(cfg, modalities):
    """Check one and two instances in a recognizer."""
    inputs = make_inputs(modalities, len(LABELS))
    samples = make_samples(LABELS, DOMAINS, HIDDEN)
    losses = []
    for names in ((), ('first',), ('first', 'second')):
        objectives = dict.fromkeys(names, cfg)
        model = build(recognizer_cfg(modalities, objectives=objectives))
        losses.append(model(inputs, samples, mode='loss'))
        check_tasks(model, losses[-1])
    head, one, two = losses
    assert two.keys() - one.keys() == {
        f'second/{key}' for key in one.keys() - head.keys()
    }
