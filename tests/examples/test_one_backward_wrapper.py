# Copyright (c) mmgmp authors.
"""A worked example: a method that scales the gradient of each encoder.

docs/add_a_method.md quotes the class and the config.
"""

import math

import torch
from mmaction.registry import OPTIM_WRAPPERS
from mmengine.optim import build_optim_wrapper

from mmgmp.optim import GradientScalingOptimWrapper, discrepancy_ratio
from tests.optim.toy import ToyModel, make_batch


@OPTIM_WRAPPERS.register_module()
class SlowDownStronger(GradientScalingOptimWrapper):
    """Slow down the encoder of the stronger modality."""

    def __init__(self, optimizer, alpha=0.5, **kwargs):
        super().__init__(optimizer=optimizer, **kwargs)
        self.alpha = alpha

    def scales(self, statistics):
        ratios = discrepancy_ratio(
            {
                m: statistics[f'semantic_confidence.{m}']
                for m in self.params.spans
            }
        )
        return {
            m: 1 - math.tanh(self.alpha * rho) if rho > 1 else 1.0
            for m, rho in ratios.items()
        }


optim_wrapper = dict(
    type='SlowDownStronger',
    alpha=0.3,
    modalities=dict(video='video', audio='audio'),
    optimizer=dict(type='SGD', lr=0.1),
)


def naive_step(model, batch, alpha=0.3, lr=0.1):
    """One step by loops over the parameters; returns the factors."""
    losses = model(**batch, mode='loss')
    model.zero_grad()
    (losses['loss_cls'] + losses['loss_domain']).backward()
    video, audio = (
        losses[f'semantic_confidence.{m}'].item() for m in ('video', 'audio')
    )
    factors = {}
    for modality, rho in dict(
        video=video / audio, audio=audio / video
    ).items():
        factors[modality] = 1 - math.tanh(alpha * rho) if rho > 1 else 1.0
    with torch.no_grad():
        for name, param in model.named_parameters():
            param -= lr * factors.get(name.split('.')[0], 1.0) * param.grad
    return factors


def test_two_steps_are_those_of_a_naive_reading():
    model, reference = ToyModel(), ToyModel()
    wrapper = build_optim_wrapper(model, optim_wrapper)
    wrapper.initialize_count_status(model, 0, 2)
    for seed in range(2):
        batch = make_batch(seed)
        model.train_step(batch, wrapper)
        factors = naive_step(reference, batch)
        assert sorted(factors.values())[0] < 1 == max(factors.values())
        for name, factor in factors.items():
            scalar = wrapper.message_hub.get_scalar(f'train/scale.{name}')
            assert abs(scalar.current() - factor) < 1e-6
    expected = dict(reference.named_parameters())
    for name, param in model.named_parameters():
        torch.testing.assert_close(param, expected[name], rtol=1e-6, atol=1e-7)
