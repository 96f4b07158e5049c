# Copyright (c) mmgmp authors.
"""Helpers of the checks."""

from fnmatch import fnmatch

import torch
from mmaction.registry import MODELS
from torch import nn
from torch.testing import assert_close

from tests.models.toy import WIDTHS

MODALITIES = (('video', 'audio', 'flow'), ('video',))
TASKS = {'semantic', 'domain', 'plain'}


def registered(base):
    """Names of the types in ``mmgmp.models`` that derive from ``base``."""
    return sorted(
        name
        for name, cls in MODELS.module_dict.items()
        if isinstance(cls, type)
        and issubclass(cls, base)
        and cls.__module__.startswith('mmgmp.models.')
    )


def build(cfg, seed=0, **kwargs):
    """Build without dropout, in training mode."""
    torch.manual_seed(seed)
    module = MODELS.build(dict(cfg, **kwargs)).train()
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    return module


def check_losses(terms):
    """Scalars are finite float32, and only losses have a graph."""
    assert any('loss' in key for key in terms), 'no loss term'
    for key, value in terms.items():
        assert value.ndim == 0, f'{key} is no scalar'
        assert value.dtype == torch.float32, f'{key} is {value.dtype}'
        assert value.isfinite(), f'{key} is {value}'
        assert value.requires_grad == ('loss' in key), f'graph of {key}'


def total_loss(terms):
    return sum(value for key, value in terms.items() if 'loss' in key)


def check_tasks(model, losses):
    """Each loss term belongs to one task."""
    tasks = model.loss_tasks
    assert tasks.keys() <= TASKS, f'tasks are {list(tasks)}'
    for key in (key for key in losses if 'loss' in key):
        found = [
            task
            for task, globs in tasks.items()
            if any(fnmatch(key, glob) for glob in globs)
        ]
        assert len(found) == 1, f'{key} belongs to the tasks {found}'


# --- features of the modalities ----------------------------------------------


def make_features(modalities, size=4):
    torch.manual_seed(3)
    return {
        m: torch.randn(size, WIDTHS[m], requires_grad=True) for m in modalities
    }


def check_absent(function, features):
    """An absent modality counts as zeros, in training and at test time."""
    for modality in features:
        alone = {modality: features[modality]}
        zeros = {m: torch.zeros_like(f) for m, f in features.items()}
        assert_close(function(alone), function({**zeros, **alone}))


def check_rows(function, features):
    """The order of rows and modalities does not matter."""
    order = torch.tensor([2, 0, 3, 1])
    permuted = {m: features[m][order] for m in reversed(features)}
    assert_close(function(permuted), function(features)[order])


def check_gradients(output, features):
    # Squares, because the sum of a softmax is constant.
    output.float().square().sum().backward()
    for modality, feature in features.items():
        assert feature.grad is not None, f'no gradient at {modality}'
        assert feature.grad.any(), f'no gradient at {modality}'


def check_state(cfg, kwargs, module, features, methods=('forward',)):
    """The state_dict determines the outputs in eval mode."""
    copy = build(cfg, seed=2, **kwargs).eval()
    copy.load_state_dict(module.state_dict())
    for method in methods:
        outputs = [getattr(m, method)(features) for m in (copy, module.eval())]
        assert_close(*outputs, rtol=0, atol=0)
