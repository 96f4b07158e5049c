# Copyright (c) mmgmp authors.
"""Mixed precision: bfloat16 on CPU, float16 with loss scaling on a GPU."""

import math

import pytest
import torch

from mmgmp.optim import GMPOptimWrapper

from .toy import MODALITIES, ToyModel, flat_weights, make_batch, train


def make_wrapper(model, amp=True, **kwargs):
    return GMPOptimWrapper(
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        modalities=MODALITIES,
        amp=amp,
        **kwargs,
    )


def test_bfloat16_stays_within_a_hundredth_of_float32():
    batches = [make_batch(seed, size=32) for seed in range(5)]
    # A continuous rule, because rounding can change the case at ratios near 1.
    smooth = dict(modulation='none', projection='pcgrad')
    model, reference = ToyModel(), ToyModel()
    start = flat_weights(model)
    weights = train(
        model, make_wrapper(model, dict(dtype='bfloat16'), **smooth), batches
    )
    expected = train(
        reference, make_wrapper(reference, False, **smooth), batches
    )
    assert not torch.equal(weights, expected)
    error = (weights - expected).norm() / (expected - start).norm()
    assert error < 0.01


def test_state_round_trip():
    model = ToyModel()
    wrapper = make_wrapper(model)
    train(model, wrapper, [make_batch(0)])
    state = wrapper.state_dict()
    assert 'loss_scaler' in state
    assert 'loss_scaler' not in make_wrapper(model, False).state_dict()
    other = make_wrapper(model)
    other.load_state_dict(state)
    assert other.state_dict().keys() == state.keys()


@pytest.mark.skipif(
    torch.cuda.is_available(), reason='float16 is allowed on a GPU'
)
def test_float16_on_cpu_is_an_error():
    with pytest.raises(ValueError, match="`dtype`='float16'.*needs a GPU"):
        make_wrapper(ToyModel(), dict(dtype='float16'))


@pytest.mark.parametrize(
    ('amp', 'message'),
    [
        (dict(dtype='int8'), "`dtype` of `amp`.*'int8'"),
        (dict(loss_scale='static'), "`loss_scale` of `amp`.*'static'"),
        (dict(type='bfloat16'), r"`amp`.*\['type'\].*`dtype`"),
    ],
)
def test_argument_out_of_range_is_named(amp, message):
    with pytest.raises(ValueError, match=message):
        make_wrapper(ToyModel(), amp)


def test_amp_of_another_type_is_an_error():
    with pytest.raises(TypeError, match="`amp`.*'bfloat16'"):
        make_wrapper(ToyModel(), 'bfloat16')


@pytest.mark.gpu
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
    wrapper = make_wrapper(model, dict(dtype='float16'))
    scale = wrapper.precision.scale()
    start = flat_weights(model)
    assert torch.equal(train(model, wrapper, [batch]), start)
    assert wrapper.skipped_steps == 1
    assert wrapper.precision.scale() < scale
    model.overflow = False
    assert train(model, wrapper, [batch]).isfinite().all()
