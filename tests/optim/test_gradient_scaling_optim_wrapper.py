# Copyright (c) mmgmp authors.
"""GradientScalingOptimWrapper: statistics and factors."""

import pytest
import torch
from mmaction.registry import OPTIM_WRAPPERS
from mmengine.optim import OptimWrapper

from mmgmp.optim import GradientScalingOptimWrapper

from .toy import (
    MODALITIES,
    ToyModel,
    flat_weights,
    make_batch,
    split_batch,
    train,
)


@OPTIM_WRAPPERS.register_module()
class NoisyScaling(GradientScalingOptimWrapper):
    """Adds noise to the gradients, and stores its arguments."""

    def __init__(self, optimizer, noise=0.0, factor=1.0, **kwargs):
        super().__init__(optimizer=optimizer, **kwargs)
        self.noise = noise
        self.factor = factor

    def scales(self, statistics):
        self.seen = statistics
        return dict.fromkeys(MODALITIES, self.factor)

    def edit(self, modality, grads, k):
        super().edit(modality, grads, k)
        for grad in grads:
            grad += self.noise * torch.randn_like(grad)


def make_wrapper(model, cls=NoisyScaling, **kwargs):
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    if cls is NoisyScaling:
        kwargs['modalities'] = MODALITIES
    return cls(optimizer=optimizer, **kwargs)


@pytest.mark.parametrize('parts', [1, 2, 4])
def test_statistics_are_the_means_of_the_whole_batch(parts):
    model = ToyModel()
    losses = model(**make_batch(0), mode='loss')
    wrapper = make_wrapper(model, accumulative_counts=parts)
    train(model, wrapper, split_batch(make_batch(0), parts))
    assert wrapper.seen == pytest.approx(
        {k: v.item() for k, v in losses.items()}, rel=1e-5
    )


def test_encoders_are_scaled_and_the_rest_is_not():
    batch = make_batch(0)
    steps = {}
    for name, cls, kwargs in (
        ('stock', OptimWrapper, {}),
        ('scaled', NoisyScaling, dict(factor=0.25)),
    ):
        model = ToyModel()
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
        train(model, make_wrapper(model, cls, **kwargs), [batch])
        steps[name] = {
            n: before[n] - p.detach() for n, p in model.named_parameters()
        }
    for name, step in steps['stock'].items():
        factor = 0.25 if name.split('.')[0] in MODALITIES else 1
        torch.testing.assert_close(steps['scaled'][name], factor * step)


def test_factor_1_is_the_stock_wrapper_bit_for_bit():
    batches = [make_batch(seed) for seed in range(4)]
    model, reference = ToyModel(), ToyModel()
    weights = train(model, make_wrapper(model), batches)
    stock = make_wrapper(reference, OptimWrapper)
    assert torch.equal(weights, train(reference, stock, batches))


def test_encoder_without_a_gradient_is_passed_over():
    class NoAudio(ToyModel):
        def forward(self, inputs, *args, **kwargs):
            self.audio.requires_grad_(False)
            losses = super().forward(inputs, *args, **kwargs)
            self.audio.requires_grad_(True)
            return losses

    model = NoAudio()
    before = model.audio[0].weight.detach().clone()
    start = flat_weights(model)
    assert not torch.equal(
        train(model, make_wrapper(model, factor=0.5), [make_batch(0)]), start
    )
    assert torch.equal(model.audio[0].weight, before)


def test_factors_must_be_of_all_modalities():
    class VideoAlone(NoisyScaling):
        def scales(self, statistics):
            return dict(video=1.0)

    model = ToyModel()
    wrapper = VideoAlone(
        optimizer=torch.optim.SGD(model.parameters(), lr=1.0),
        modalities=MODALITIES,
    )
    with pytest.raises(ValueError, match="VideoAlone.*'audio', 'video'"):
        train(model, wrapper, [make_batch(0)])


def test_method_without_factors_cannot_be_built():
    with pytest.raises(TypeError, match='scales'):
        make_wrapper(ToyModel(), GradientScalingOptimWrapper)
