# Copyright (c) mmgmp authors.
"""Random numbers and loss scale of all wrappers."""

import math

import pytest
import torch
from mmaction.registry import OPTIM_WRAPPERS

from .test_gradient_scaling_optim_wrapper import NoisyScaling
from .toy import ToyModel, flat_weights, make_batch, train
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
def test_value_that_is_not_finite_matters_only_if_it_is_read(cfg, scaled):
    class NoConfidence(ToyModel):
        key = 'accuracy'

        def forward(self, *args, **kwargs):
            losses = super().forward(*args, **kwargs)
            return {**losses, self.key: torch.tensor(math.nan)}

    model = NoConfidence()
    build = scaled_wrapper if scaled else build_wrapper
    wrapper = build(model, cfg)
    start = flat_weights(model)
    first = train(model, wrapper, [make_batch(0)])
    assert wrapper.skipped_steps == 0 and not torch.equal(first, start)
    assert wrapper.not_finite == ['accuracy']
    model.key = 'semantic_confidence.video'
    second = train(model, wrapper, [make_batch(1)])
    read = cfg['type'] == 'GMPOptimWrapper'
    assert wrapper.skipped_steps == read
    assert torch.equal(second, first) == read
    assert wrapper.not_finite == [model.key]
    model.key = 'accuracy'
    assert not torch.equal(train(model, wrapper, [make_batch(2)]), second)


NEUTRAL = [
    dict(type='OptimWrapper'),
    dict(type=NoisyScaling.__name__),
    *(
        dict(
            type='TaskGradientOptimWrapper',
            weighting=dict(type='Sum'),
            granularity=granularity,
        )
        for granularity in ('parameter', 'feature')
    ),
]


@pytest.mark.parametrize('cfg', NEUTRAL[1:], ids=lambda cfg: cfg['type'])
@pytest.mark.parametrize(
    'total',
    [
        lambda loss: 0.1 * loss(0),
        lambda loss: loss(0) + loss(1),
        lambda loss: 0.5 * loss(0) + 2 * loss(1),
        # A forward whose loss is not used, as of a consistency check.
        lambda loss: (loss(1), loss(0))[1],
        lambda loss: loss(0).square(),
    ],
)
def test_function_of_the_losses_trains_as_with_the_stock_wrapper(cfg, total):
    weights = []
    for config in (NEUTRAL[0], cfg):
        model = ToyModel(confidences=False)
        wrapper = build_wrapper(model, config)
        wrapper.initialize_count_status(model, 0, 2)
        for update in range(2):

            def loss(number, model=model, update=update):
                inputs = make_batch(10 * update + number)['inputs']
                return model.parse_losses(model(inputs, mode='loss'))[0]

            with wrapper.optim_context(model):
                parsed = total(loss)
            wrapper.update_params(parsed)
        weights.append(flat_weights(model))
    torch.testing.assert_close(*weights, rtol=1e-5, atol=1e-6)


def toggle(name, trained):
    """Freeze or unfreeze a module or a parameter."""

    def change(model, optimizer):
        path, _, attribute = name.rpartition('.')
        part = getattr(model.get_submodule(path), attribute)
        part.requires_grad_(trained)

    return change


def replace_layer(enter):
    """Replace a layer, and perhaps put the new one into the optimizer."""

    def change(model, optimizer):
        old = model.video[2]
        with torch.random.fork_rng():
            torch.manual_seed(5)
            model.video[2] = torch.nn.Linear(8, 5)
        enter(optimizer, [*old.parameters()], [*model.video[2].parameters()])

    return change


def enter_in_place(optimizer, old, new):
    (group,) = optimizer.param_groups
    ids = [id(param) for param in old]
    group['params'] = [
        new[ids.index(id(p))] if id(p) in ids else p for p in group['params']
    ]


def add_adapter(model, optimizer):
    model.video.requires_grad_(False)
    with torch.random.fork_rng():
        torch.manual_seed(6)
        adapter = torch.nn.Linear(5, 5)
    model.video.append(adapter)
    optimizer.add_param_group(dict(params=[*adapter.parameters()]))


def leave_out(model, optimizer):
    (group,) = optimizer.param_groups
    group['params'] = group['params'][2:]


# Iteration -> change before it.
CHANGES = dict(
    unfrozen_later={0: toggle('audio', False), 4: toggle('audio', True)},
    frozen_later={2: toggle('video', False)},
    frozen_within_an_accumulation={3: toggle('video', False)},
    one_bias={0: toggle('video.2.bias', False)},
    encoders_in_turn={
        0: toggle('video', False),
        1: toggle('audio', False),
        2: toggle('video', True),
        4: toggle('audio', True),
    },
    a_head={2: toggle('cls', False), 3: toggle('cls', True)},
    replaced_in_place={2: replace_layer(enter_in_place)},
    replaced_in_a_new_group={
        2: replace_layer(
            lambda o, _, new: o.add_param_group(dict(params=new, lr=0.05))
        )
    },
    replaced_but_unknown_to_the_optimizer={2: replace_layer(lambda *_: None)},
    adapter_on_a_frozen_encoder={2: add_adapter},
    never_in_the_optimizer={0: leave_out},
)


@pytest.mark.parametrize('cfg', NEUTRAL[1:], ids=lambda cfg: cfg['type'])
@pytest.mark.parametrize('case', CHANGES)
@pytest.mark.parametrize('accumulation', [1, 2])
def test_what_is_trained_now_trains_as_with_the_stock_wrapper(
    cfg, case, accumulation
):
    weights = []
    for config in (NEUTRAL[0], cfg):
        model = ToyModel()
        config = dict(config, accumulative_counts=accumulation)
        wrapper = build_wrapper(model, config)
        wrapper.initialize_count_status(model, 0, 6)
        for iteration in range(6):
            if change := CHANGES[case].get(iteration):
                change(model, wrapper.optimizer)
            model.train_step(make_batch(iteration), wrapper)
        weights.append(flat_weights(model))
    torch.testing.assert_close(*weights, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('cfg', CONFIGS)
def test_step_without_its_backward_is_an_error(cfg):
    model = ToyModel()
    wrapper = build_wrapper(model, cfg)
    wrapper.initialize_count_status(model, 0, 1)
    model.parse_losses(model(make_batch(0)['inputs'], mode='loss'))[
        0
    ].backward()
    with pytest.raises(RuntimeError, match='`update_params'):
        wrapper.step()


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
