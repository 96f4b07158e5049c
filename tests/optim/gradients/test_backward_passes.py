# Copyright (c) mmgmp authors.
"""Models on which a backward pass per task must equal the plain one."""

import functools
import itertools

import pytest
import torch
import torch.nn.functional as F
from mmengine.model import MMDistributedDataParallel
from torch import nn
from torch.utils.checkpoint import (
    checkpoint,
    create_selective_checkpoint_contexts,
)

from mmgmp.optim.gradients.backward_passes import separate
from tests.utils.ranks import run_ranks

from ..test_gmp_optim_wrapper import make_wrapper
from ..test_task_gradient_optim_wrapper import (
    make_wrapper as make_fixed_wrapper,
)
from ..toy import ToyModel, make_batch, split_batch, train
from ..wrapper_checks import build_wrapper

GRANULARITIES = ('parameter', 'feature')


class Added(nn.Module):
    """A linear layer whose weight is a sum, as with an adapter."""

    def __init__(self, n, m):
        super().__init__()
        self.base, self.delta = nn.Linear(n, m), nn.Linear(n, m)

    def forward(self, x):
        weight = self.base.weight + self.delta.weight
        return F.linear(x, weight, self.base.bias)


class AddedModel(ToyModel):
    """Sums of parameters in both encoders, a head, and in both tasks."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.video, self.audio = Added(6, 5), Added(4, 5)
            self.head, self.temperature = (
                Added(10, 3),
                nn.Parameter(torch.tensor(0.3)),
            )

    def forward(self, inputs, *args, **kwargs):
        video, audio, label, _ = inputs
        feature = torch.cat([self.video(video), self.audio(audio)], 1)
        losses = super().forward(inputs, *args, **kwargs)
        losses['loss_cls'] = (
            losses['loss_cls']
            + F.cross_entropy(self.head(feature), label)
            + self.temperature
        )
        losses['loss_domain'] = losses['loss_domain'] + self.temperature
        return losses


class TiedModel(ToyModel):
    """A weight that is used twice, and a loss with a sum of weights."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.video = nn.Sequential(
                nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6), nn.Linear(6, 5)
            )
        self.video[2].weight = self.video[0].weight

    def forward(self, *args, **kwargs):
        losses = super().forward(*args, **kwargs)
        losses['loss_domain'] = losses['loss_domain'] + self.cls.weight.sum()
        return losses


class RegularizedModel(TiedModel):
    """A sum of the weights of an encoder too."""

    def forward(self, *args, **kwargs):
        losses = super().forward(*args, **kwargs)
        losses['loss_cls'] = losses['loss_cls'] + self.audio[0].weight.sum()
        return losses


class Stored(torch.autograd.Function):
    """A function that returns the same memory in each backward pass."""

    @staticmethod
    def forward(ctx, weight, x):
        ctx.save_for_backward(torch.ones_like(weight) / 10)
        return x + weight.sum() / 10

    @staticmethod
    def backward(ctx, gradient):
        return ctx.saved_tensors[0].view(3), gradient


class StoredShift(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, x):
        return Stored.apply(self.weight, x)


class CheckpointedEncoder(nn.Module):
    def __init__(self, n, reentrant):
        super().__init__()
        self.reentrant = reentrant
        self.stem = nn.Sequential(
            nn.Linear(n, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2)
        )
        self.last = nn.Linear(8, 5)

    def forward(self, x):
        x = checkpoint(self.stem, x, use_reentrant=self.reentrant)
        return self.last(x)


class CheckpointedModel(ToyModel):
    """Checkpoints a part of each encoder, an encoder, or the heads."""

    def __init__(self, place, reentrant):
        super().__init__(confidences=False)
        self.place, self.reentrant = place, reentrant
        if place == 'part':
            with torch.random.fork_rng():
                torch.manual_seed(1)
                self.video = CheckpointedEncoder(6, reentrant)
                self.audio = CheckpointedEncoder(4, reentrant)

    def call(self, module, x, place):
        if place == self.place:
            return checkpoint(module, x, use_reentrant=self.reentrant)
        return module(x)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        # A reentrant checkpoint needs an input that requires a gradient.
        video, audio = (x.clone().requires_grad_() for x in inputs[:2])
        feature = torch.cat(
            [
                self.call(self.video, video, 'whole'),
                self.call(self.audio, audio, 'whole'),
            ],
            1,
        )
        cls = self.call(self.cls, feature, 'head')
        dom = self.call(self.dom, feature, 'head')
        return dict(
            loss_cls=F.cross_entropy(cls, inputs[2]),
            loss_domain=F.cross_entropy(dom, inputs[3]),
        )


def neutral(granularity, **kwargs):
    return dict(
        type='GMPOptimWrapper',
        granularity=granularity,
        alpha_k=0,
        alpha_p=0,
        projection='none',
        **kwargs,
    )


def train_state(build, cfg, seeds=3):
    """State after training, buffers too."""
    model = build()
    torch.manual_seed(3)
    train(model, build_wrapper(model, cfg), [make_batch(s) for s in seeds])
    return model.state_dict()


def assert_trains_as_stock(build, granularity, **kwargs):
    seeds = range(4)
    expected = train_state(build, dict(type='OptimWrapper', **kwargs), seeds)
    found = train_state(build, neutral(granularity, **kwargs), seeds)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    'kwargs',
    [{}, dict(accumulative_counts=2), dict(clip_grad=dict(max_norm=0.05))],
)
@pytest.mark.parametrize(
    'model_type, granularity',
    [
        *itertools.product([AddedModel, TiedModel], GRANULARITIES),
        (RegularizedModel, 'parameter'),
    ],
)
def test_gradients_that_share_memory(model_type, granularity, kwargs):
    assert_trains_as_stock(model_type, granularity, **kwargs)


def test_memory_that_a_function_returns_in_each_pass():
    model = ToyModel(confidences=False)
    model.audio = nn.Sequential(nn.Linear(4, 5), StoredShift())
    # Each of the two tasks has the gradient 0.1.
    weights = dict(video=(3, 5), audio=(3, 5))
    wrapper = make_fixed_wrapper(model, weights)
    train(model, wrapper, [make_batch(0)])
    expected = 1 - (3 + 5) * 0.1
    assert model.audio[1].weight.tolist() == pytest.approx([expected] * 3)


def test_separate_copies_only_shared_memory():
    shared, own = torch.ones(2), torch.ones(3)
    found = separate([shared, None, shared.view(2), own])
    assert found[0] is shared and found[1] is None and found[3] is own
    found[0].zero_()
    assert found[2].tolist() == [1.0, 1.0]


def test_sparse_gradients_are_refused():
    model = ToyModel()
    model.video = nn.Sequential(nn.Embedding(9, 5, sparse=True))
    batch = make_batch(0)
    batch['inputs'][0] = torch.arange(8)
    with pytest.raises(TypeError, match=r'\(9, 5\).*`sparse=False`'):
        train(model, make_wrapper(model), [batch])


@pytest.mark.parametrize('granularity', GRANULARITIES)
@pytest.mark.parametrize('accumulative_counts', [1, 2])
@pytest.mark.parametrize('reentrant', [True, False])
@pytest.mark.parametrize('place', ['part', 'whole', 'head'])
def test_checkpointing(place, reentrant, accumulative_counts, granularity):
    def build():
        return CheckpointedModel(place, reentrant)

    if granularity == 'feature' and reentrant and place != 'part':
        with pytest.raises(RuntimeError, match="use 'parameter'"):
            train_state(build, neutral(granularity), range(1))
        return
    kwargs = dict(accumulative_counts=accumulative_counts)
    assert_trains_as_stock(build, granularity, **kwargs)


class SelectiveModel(ToyModel):
    """Saves the results of the linear layers of an encoder."""

    def __init__(self):
        super().__init__(confidences=False)
        with torch.random.fork_rng():
            torch.manual_seed(1)
            layers = [nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6)]
            self.video = nn.Sequential(*layers, nn.Tanh(), nn.Linear(6, 5))
        stored = [torch.ops.aten.addmm.default]
        self.contexts = functools.partial(
            create_selective_checkpoint_contexts, stored
        )
        for layer in (self.video, self.audio):
            layer.forward = functools.partial(
                checkpoint,
                layer.forward,
                use_reentrant=False,
                context_fn=self.contexts,
            )


def test_selective_checkpointing():
    assert_trains_as_stock(SelectiveModel, 'feature')
    # The second pass would get results that the first one left over.
    with pytest.raises(RuntimeError, match='allows one backward pass'):
        train_state(SelectiveModel, neutral('parameter'), range(1))
    single = neutral('parameter', tasks=dict(semantic=['loss_*']))
    train_state(SelectiveModel, single, range(1))


class CompiledModel(ToyModel):
    """Compiles its encoders, the model or its training step."""

    def __init__(self, target):
        super().__init__(confidences=False)
        options = dict(backend='aot_eager')
        if target == 'encoders':
            self.video.compile(**options)
            self.audio.compile(**options)
        elif target == 'model':
            self.compile(**options)
        else:
            # As MMEngine does for `compile=True`.
            self.train_step = torch.compile(self.train_step, **options)


@pytest.mark.parametrize('granularity', GRANULARITIES)
@pytest.mark.parametrize(
    'target',
    ['encoders', 'model', pytest.param('train_step', marks=pytest.mark.slow)],
)
def test_compiled(target, granularity):
    torch.compiler.reset()
    assert_trains_as_stock(lambda: CompiledModel(target), granularity)


def test_compiled_backward_passes_keep_their_memory():
    # With the backend inductor, a compiled backward pass runs once otherwise.
    make_wrapper(model := ToyModel()).initialize_count_status(model, 0, 1)
    assert not torch._functorch.config.donated_buffer


@pytest.mark.parametrize('granularity', GRANULARITIES)
def test_zero_grad_in_an_accumulation(granularity):
    states = []
    for cfg in (dict(type='OptimWrapper'), neutral(granularity)):
        model = ToyModel(confidences=False)
        wrapper = build_wrapper(model, dict(cfg, accumulative_counts=3))
        wrapper.initialize_count_status(model, 0, 3)
        for seed in range(3):
            model.train_step(make_batch(seed), wrapper)
            if seed == 0:
                wrapper.zero_grad()
        states.append(model.state_dict())
    torch.testing.assert_close(*states, rtol=1e-6, atol=1e-7)


def test_hook_that_steps_in_the_backward_pass_is_refused():
    model = ToyModel()
    model.audio[0].weight.register_post_accumulate_grad_hook(lambda p: None)
    with pytest.raises(ValueError, match=r'\(5, 4\).*post_accumulate_grad'):
        train(model, make_wrapper(model), [make_batch(0)])


class NormalizedModel(ToyModel):
    def __init__(self):
        super().__init__(confidences=False)
        self.audio = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 5))


def buffers_of_rank(rank, accumulative_counts):
    found = []
    for cfg in (dict(type='OptimWrapper'), neutral('parameter')):
        model = NormalizedModel()
        ddp = MMDistributedDataParallel(model, broadcast_buffers=True)
        cfg['accumulative_counts'] = accumulative_counts
        batches = [split_batch(make_batch(s), 2)[rank] for s in range(5)]
        train(ddp, build_wrapper(model, cfg), batches)
        found.append(model.audio[0].running_mean)
    return found


@pytest.mark.parametrize('accumulative_counts', [1, 2])
def test_ddp_broadcasts_buffers(tmp_path, accumulative_counts):
    for expected, found in run_ranks(
        buffers_of_rank, tmp_path, accumulative_counts
    ):
        torch.testing.assert_close(found, expected)
