# Copyright (c) mmgmp authors.
"""Gradients after one step of a shipped config."""

import torch
from mmengine.optim import build_optim_wrapper

from tests.models.encoders import make_samples


def make_batch(seed):
    generator = torch.Generator().manual_seed(seed)
    inputs = dict(
        video=torch.randn(4, 1, 3, 8, 40, 40, generator=generator),
        audio=torch.randn(4, 1, 129, 99, generator=generator),
    )
    labels = torch.randint(7, (4,), generator=generator).tolist()
    return dict(
        inputs=inputs,
        data_samples=make_samples(labels=labels, domains=(0, 1, 1, 0)),
    )


def wrapper_update(model, batch, optim_wrapper):
    """Gradients that the wrapper passes to the optimizer."""
    wrapper = build_optim_wrapper(
        model, dict(optim_wrapper, optimizer=dict(type='SGD', lr=1.0))
    )
    wrapper.initialize_count_status(model, 0, 1)
    grads = {}
    wrapper.optimizer.step = lambda: grads.update(
        {
            name: None if param.grad is None else param.grad.clone()
            for name, param in model.named_parameters()
        }
    )
    with wrapper.optim_context(model):
        losses = model(**batch, mode='loss')
    wrapper.update_params(model.parse_losses(losses)[0])
    return grads
