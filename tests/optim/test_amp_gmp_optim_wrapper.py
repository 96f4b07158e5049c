# Copyright (c) mmgmp authors.
"""Mixed precision: bfloat16 on CPU, float16 with loss scaling on a GPU."""

import math

import pytest
import torch

from mmgmp.optim import AmpGMPOptimWrapper, GMPOptimWrapper

from .toy import MODALITIES, ToyModel, flat_weights, make_batch, train

needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason='float16 needs a GPU'
)


def make_wrapper(model, cls=AmpGMPOptimWrapper, **kwargs):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return cls(optimizer=optimizer, modalities=MODALITIES, **kwargs)


def test_bfloat16_stays_within_a_hundredth_of_float32():
    batches = [make_batch(seed, size=32) for seed in range(5)]
    # The rule without its jumps, which rounding can trip at ratios near 1.
    smooth = dict(modulation='none', projection='pcgrad')
    model, reference = ToyModel(), ToyModel()
    start = flat_weights(model)
    weights = train(
        model, make_wrapper(model, dtype='bfloat16', **smooth), batches
    )
    expected = train(
        reference, make_wrapper(reference, GMPOptimWrapper, **smooth), batches
    )
    assert not torch.equal(weights, expected)
    error = (weights - expected).norm() / (expected - start).norm()
    assert error < 0.01


def test_bfloat16_skips_a_non_finite_step():
    class Poisoned(ToyModel):
        def forward(self, *args, **kwargs):
            losses = super().forward(*args, **kwargs)
            return dict(losses, loss_cls=losses['loss_cls'] * math.nan)

    model = Poisoned()
    start = flat_weights(model)
    wrapper = make_wrapper(model, dtype='bfloat16')
    assert torch.equal(train(model, wrapper, [make_batch(0)]), start)
    assert wrapper.skipped_steps == 1


def test_state_round_trip():
    model = ToyModel()
    wrapper = make_wrapper(model)
    train(model, wrapper, [make_batch(0)])
    state = wrapper.state_dict()
    assert 'loss_scaler' in state
    other = make_wrapper(model)
    other.load_state_dict(state)
    assert other.state_dict().keys() == state.keys()


@pytest.mark.skipif(
    torch.cuda.is_available(), reason='float16 is allowed on a GPU'
)
def test_float16_on_cpu_is_an_error():
    with pytest.raises(ValueError, match="`dtype`='float16' needs a GPU"):
        make_wrapper(ToyModel(), dtype='float16')


@pytest.mark.parametrize(
    'argument', [dict(dtype='int8'), dict(loss_scale='static')]
)
def test_argument_out_of_range_is_named(argument):
    name, value = next(iter(argument.items()))
    with pytest.raises(ValueError, match=f'`{name}`.*{value}'):
        make_wrapper(ToyModel(), **argument)


@needs_gpu
def test_float16_overflow_is_skipped_and_lowers_the_scale():
    class Overflowing(ToyModel):
        overflow = True

        def forward(self, *args, **kwargs):
            losses = super().forward(*args, **kwargs)
            if self.overflow:
                losses['loss_domain'] = losses['loss_domain'] * math.inf
            return losses

    model = Overflowing().cuda()
    batch = make_batch(0)
    wrapper = make_wrapper(model, dtype='float16')
    scale = wrapper.loss_scaler.get_scale()
    start = flat_weights(model)
    assert torch.equal(train(model, wrapper, [batch]), start)
    assert wrapper.skipped_steps == 1
    assert wrapper.loss_scaler.get_scale() < scale
    model.overflow = False
    assert train(model, wrapper, [batch]).isfinite().all()
