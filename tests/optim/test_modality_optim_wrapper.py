# Copyright (c) mmgmp authors.
"""Random numbers and loss scale of all wrappers."""

import math

import pytest
import torch
from mmaction.registry import OPTIM_WRAPPERS

from .test_gradient_scaling_optim_wrapper import NoisyScaling
from .toy import ToyModel, make_batch, train
from .wrapper_checks import PoisonedModel, build_wrapper

CONFIGS = [
    dict(type=NoisyScaling.__name__, factor=0.5),
    dict(type='GMPOptimWrapper'),
    dict(type='GMPOptimWrapper', granularity='feature'),
    # Weights that depend on the scale of the gradients.
    dict(
        type='TaskGradientOptimWrapper',
        weighting=dict(type='torchjd.FairGrad', alpha=1.0),
    ),
]


def draw(wrapper, updates):
    wrapper._inner_count = updates
    with wrapper.same_draws():
        return torch.rand(3)


def test_draws_depend_on_the_seed_and_the_update():
    model = ToyModel()
    wrappers = [
        build_wrapper(model, dict(type='GMPOptimWrapper', **kwargs), seed)
        for seed, kwargs in (
            (5, {}),
            (5, dict(accumulative_counts=2)),
            (6, {}),
        )
    ]
    for seed, wrapper in zip((5, 5, 6), wrappers):
        wrapper.message_hub.update_info('seed', seed)
        wrapper.initialize_count_status(model, 0, 10)
    first, accumulating, other = wrappers
    before = torch.get_rng_state()
    expected = draw(first, 3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    assert torch.equal(draw(first, 3), expected)
    # The third update of an accumulation by two, or of an incomplete one.
    assert torch.equal(draw(accumulating, 6), expected)
    assert torch.equal(draw(accumulating, 5), expected)
    assert not torch.equal(draw(first, 4), expected)
    assert not torch.equal(draw(other, 3), expected)


def scaled_wrapper(model, cfg):
    """Wrapper with the loss scale of float16, in float32."""
    wrapper = build_wrapper(model, cfg)
    wrapper.precision.scaler = torch.amp.GradScaler('cpu', init_scale=2.0**14)
    return wrapper


@pytest.mark.parametrize('cfg', CONFIGS)
@pytest.mark.parametrize(
    'stock',
    [{}, dict(accumulative_counts=2), dict(clip_grad=dict(max_norm=1))],
)
def test_loss_scale_leaves_the_update_alone(cfg, stock):
    batches = [make_batch(seed) for seed in range(4)]
    cfg = dict(cfg, **stock)
    model, reference = ToyModel(), ToyModel()
    weights = train(model, scaled_wrapper(model, cfg), batches)
    expected = train(reference, build_wrapper(reference, cfg), batches)
    torch.testing.assert_close(weights, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('cfg', CONFIGS)
def test_overflow_is_skipped_and_lowers_the_loss_scale(cfg):
    model = PoisonedModel()
    wrapper = scaled_wrapper(model, cfg)
    before = train(model, wrapper, [make_batch(0)])
    model.poison = math.inf
    assert torch.equal(train(model, wrapper, [make_batch(1)]), before)
    assert wrapper.skipped_steps == 1
    assert wrapper.precision.scale() == 2.0**13
    model.poison = 1.0
    assert not torch.equal(train(model, wrapper, [make_batch(2)]), before)


@pytest.mark.parametrize('cfg', CONFIGS)
@pytest.mark.parametrize('scaled', [False, True])
def test_statistic_that_is_not_finite_is_skipped_too(cfg, scaled):
    class NoConfidence(ToyModel):
        def forward(self, *args, **kwargs):
            losses = super().forward(*args, **kwargs)
            losses['semantic_confidence.video'] *= math.nan
            return losses

    model = NoConfidence()
    build = scaled_wrapper if scaled else build_wrapper
    wrapper = build(model, cfg)
    before = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert torch.equal(train(model, wrapper, [make_batch(0)]), before)
    assert wrapper.skipped_steps == 1


def test_attaching_to_another_model_leaves_the_first_one():
    first, second = ToyModel(), ToyModel(seed=1)
    wrapper = build_wrapper(second, dict(type='GMPOptimWrapper'))
    for model in (first, second):
        wrapper.initialize_count_status(model, 0, 1)
    assert not first._forward_hooks and not first._forward_pre_hooks
    assert not first.video._forward_hooks
    assert second._forward_hooks


def test_base_cannot_be_built():
    assert 'ModalityOptimWrapper' not in OPTIM_WRAPPERS.module_dict
