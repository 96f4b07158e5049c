# Copyright (c) mmgmp authors.
"""TaskGradientOptimWrapper: inputs and weights of a rule."""

import math
from contextlib import contextmanager

import pytest
import torch

from mmgmp.optim import TaskGradientOptimWrapper, TorchJDWeighting
from mmgmp.registry import WEIGHTINGS

from .toy import (
    MODALITIES,
    ToyModel,
    flat_weights,
    make_batch,
    split_batch,
    train,
)


@WEIGHTINGS.register_module()
class FixedWeights:
    """Stores its arguments, and returns constant weights."""

    def __init__(self, weights):
        self.weights = weights

    def __call__(self, gramians, statistics):
        self.seen = gramians, statistics
        self.draw = torch.rand(2)
        log = {'weight/first.video': self.weights['video'][0]}
        return self.weights, log


def make_wrapper(model, weights=None, **kwargs):
    weights = weights or dict.fromkeys(MODALITIES, (0.25, -2.0))
    return TaskGradientOptimWrapper(
        weighting=dict(type='FixedWeights', weights=weights),
        modalities=MODALITIES,
        optimizer=torch.optim.SGD(model.parameters(), lr=1.0),
        **kwargs,
    )


def task_gradients(model, batch, prefix):
    losses = model(**batch, mode='loss')
    params = [p for n, p in model.named_parameters() if n.startswith(prefix)]
    return [
        torch.cat(
            [
                g.flatten()
                for g in torch.autograd.grad(
                    losses[key], params, retain_graph=True
                )
            ]
        )
        for key in ('loss_cls', 'loss_domain')
    ]


@pytest.mark.parametrize('parts', [1, 2, 4])
def test_rule_sees_the_gramian_and_the_means_of_the_whole_batch(parts):
    model, batch = ToyModel(), make_batch(0)
    expected = {}
    for modality in MODALITIES:
        rows = torch.stack(task_gradients(model, batch, modality)).double()
        expected[modality] = rows @ rows.T
    losses = model(**batch, mode='loss')
    wrapper = make_wrapper(model, accumulative_counts=parts)
    train(model, wrapper, split_batch(batch, parts))
    gramians, statistics = wrapper.weighting.seen
    for modality, matrix in expected.items():
        assert gramians[modality].tasks == ('semantic', 'domain')
        torch.testing.assert_close(
            gramians[modality].matrix, matrix, rtol=1e-4, atol=1e-7
        )
    assert statistics == pytest.approx(
        {k: v.item() for k, v in losses.items()}
    )


def test_encoders_get_the_weighted_sum_and_the_rest_the_plain_sum():
    model, batch = ToyModel(), make_batch(0)
    g_c, g_d = task_gradients(model, batch, 'audio')
    head = torch.autograd.grad(
        model(**batch, mode='loss')['loss_cls'], model.cls.weight
    )[0]
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    train(model, make_wrapper(model), [batch])
    steps = {n: before[n] - p for n, p in model.named_parameters()}
    audio = torch.cat(
        [s.flatten() for n, s in steps.items() if n.startswith('audio')]
    )
    torch.testing.assert_close(audio, 0.25 * g_c - 2.0 * g_d)
    torch.testing.assert_close(steps['cls.weight'], head)


def test_scalars_of_the_rule_are_logged_for_training():
    model = ToyModel()
    wrapper = make_wrapper(model)
    train(model, wrapper, [make_batch(0)])
    scalar = wrapper.message_hub.get_scalar('train/weight/first.video')
    assert scalar.current() == 0.25


def test_rule_draws_the_same_whatever_happened_before():
    draws = []
    for seed in (1, 2):
        model = ToyModel()
        wrapper = make_wrapper(model)
        torch.manual_seed(seed)
        train(model, wrapper, [make_batch(0)])
        draws.append(wrapper.weighting.draw)
    assert torch.equal(*draws)


@pytest.mark.parametrize('granularity', ['parameter', 'feature'])
def test_weights_that_are_not_finite_skip_the_step(granularity):
    model = ToyModel()
    start = flat_weights(model)
    weights = dict(video=(1.0, math.nan), audio=(1.0, 1.0))
    wrapper = make_wrapper(model, weights, granularity=granularity)
    assert torch.equal(train(model, wrapper, [make_batch(0)]), start)
    assert wrapper.skipped_steps == 1


def test_task_that_does_not_reach_an_encoder_has_weight_1():
    model = ToyModel()
    weights = dict(video=(0.5,), audio=(), flow=(2.0, 3.0))
    wrapper = make_wrapper(model, weights)
    wrapper.initialize_count_status(model, 0, 1)
    squares = dict(video=(0.0, 4.0), audio=(0.0, 0.0), flow=(1.0, 1e-19))
    found = wrapper.task_weights(
        {m: torch.tensor(s).double().diag() for m, s in squares.items()}, {}
    )
    assert found == dict(video=[1.0, 0.5], audio=[1.0, 1.0], flow=[2.0, 3.0])
    gramians, _ = wrapper.weighting.seen
    assert gramians['video'].tasks == ('domain',)
    assert gramians['audio'].tasks == ()


def test_rule_with_too_few_weights_is_an_error():
    model = ToyModel()
    weights = dict.fromkeys(MODALITIES, (1.0,))
    with pytest.raises(ValueError, match='shorter'):
        train(model, make_wrapper(model, weights), [make_batch(0)])


@pytest.mark.parametrize(
    ('weighting', 'error', 'message'),
    [
        (dict(type='NashMTL'), ValueError, "'MGDA'.*'torchjd.UPGrad'.*Nash"),
        (dict(type='torchjd.Nope'), ValueError, "got 'torchjd.Nope'"),
        ({}, ValueError, 'got None'),
        ('MGDA', TypeError, "must be a dict .* got 'MGDA'"),
    ],
)
def test_unknown_rule_is_an_error_at_construction(weighting, error, message):
    model = ToyModel()
    with pytest.raises(error, match=message):
        TaskGradientOptimWrapper(
            optimizer=torch.optim.SGD(model.parameters(), lr=1.0),
            weighting=weighting,
        )


def test_rule_whose_task_is_missing_is_an_error_before_training():
    model = ToyModel()
    wrapper = TaskGradientOptimWrapper(
        optimizer=torch.optim.SGD(model.parameters(), lr=1.0),
        weighting=dict(type='GMP'),
        tasks=dict(a=['loss_cls'], b=['loss_domain']),
        modalities=MODALITIES,
    )
    with pytest.raises(ValueError, match=r"keys \['semantic'\].*GMPWeighting"):
        wrapper.initialize_count_status(model, 0, 1)


def test_checkpoint_of_a_rule_given_as_a_class_is_readable(tmp_path):
    model = ToyModel()
    wrapper = TaskGradientOptimWrapper(
        optimizer=torch.optim.SGD(model.parameters(), lr=1.0),
        weighting=dict(type=TorchJDWeighting, name='GradVac'),
        modalities=MODALITIES,
    )
    torch.save(wrapper.state_dict(), tmp_path / 'state.pth')
    wrapper.load_state_dict(
        torch.load(tmp_path / 'state.pth', weights_only=True)
    )


def test_state_of_another_rule_is_an_error():
    model = ToyModel()
    wrappers = [
        TaskGradientOptimWrapper(
            optimizer=torch.optim.SGD(model.parameters(), lr=1.0),
            weighting=dict(type=type_),
            modalities=MODALITIES,
        )
        for type_ in ('torchjd.GradVac', 'MGDA', 'torchjd.PCGrad')
    ]
    state = wrappers[0].state_dict()
    wrappers[0].load_state_dict(state)
    for other in wrappers[1:]:
        with pytest.raises(ValueError, match=r"'torchjd.GradVac'.*same one"):
            other.load_state_dict(state)


def test_tasks_of_the_model_are_the_default():
    tasks = dict(semantic=['loss_cls', 'loss_e*'], domain=['loss_d?main'])
    weights = []
    for from_model in (True, False):
        model = ToyModel(extra_loss=True)
        wrapper = make_wrapper(model, tasks=None if from_model else tasks)
        if from_model:
            model.loss_tasks = tasks
        weights.append(train(model, wrapper, [make_batch(0)]))
    assert torch.equal(*weights)


def test_forward_is_never_synchronized():
    class Parallel(ToyModel):
        synchronized = True

        @contextmanager
        def no_sync(self):
            self.synchronized = False
            yield
            self.synchronized = True

    model = Parallel()
    wrapper = make_wrapper(model)
    for _ in range(2):
        with wrapper.optim_context(model):
            assert not model.synchronized
        assert model.synchronized
