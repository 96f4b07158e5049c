# Copyright (c) mmgmp authors.
"""Shortcuts past the outputs of encoders, and the order of passes."""

import dataclasses
import weakref

import pytest
import torch
from torch import nn

from mmgmp.optim.gradients.encoder_features import EncoderFeatures
from mmgmp.optim.gradients.encoder_parameters import (
    prefix_lists,
    split_parameters,
)

from ..test_gmp_optim_wrapper import make_wrapper
from ..toy import (
    MODALITIES,
    TASKS,
    ToyModel,
    flat_weights,
    make_batch,
    train,
)
from ..wrapper_checks import build_wrapper


class WeightPenalty(ToyModel):
    """A loss depends on the weights of an encoder."""

    def forward(self, *args, **kwargs):
        losses = super().forward(*args, **kwargs)
        penalty = self.video[0].weight.square().sum()
        return dict(losses, loss_cls=losses['loss_cls'] + penalty)


class HiddenUnits(ToyModel):
    """A loss depends on the hidden units of an encoder."""

    def forward(self, inputs, *args, **kwargs):
        losses = super().forward(inputs, *args, **kwargs)
        hidden = self.video[0](inputs[0]).square().mean()
        return dict(losses, loss_domain=losses['loss_domain'] + hidden)


class Lateral(ToyModel):
    """The audio encoder uses weights of the video encoder."""

    def forward(self, inputs, *args, **kwargs):
        def add_lateral(_, args):
            lateral = self.video[0].weight[:4, :4].sum(0)
            return (args[0] + lateral,)

        hook = self.audio.register_forward_pre_hook(add_lateral)
        try:
            return super().forward(inputs, *args, **kwargs)
        finally:
            hook.remove()


class Chained(ToyModel):
    """The audio encoder uses the output of the video encoder."""

    def forward(self, inputs, *args, **kwargs):
        outputs = []
        hooks = [
            self.video.register_forward_hook(
                lambda _, __, output: outputs.append(output)
            ),
            self.audio.register_forward_pre_hook(
                lambda _, args: (args[0] + outputs[-1][:, :4],)
            ),
        ]
        try:
            return super().forward(inputs, *args, **kwargs)
        finally:
            for hook in hooks:
                hook.remove()


class SharedStem(ToyModel):
    """A trained layer of no modality precedes an encoder."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        with torch.random.fork_rng():
            torch.manual_seed(5)
            self.stem = nn.Linear(6, 6)

    def forward(self, inputs, *args, **kwargs):
        inputs = [self.stem(inputs[0]), *inputs[1:]]
        return super().forward(inputs, *args, **kwargs)


class Pieces(ToyModel):
    """The layers of the encoder are called, but not the encoder."""

    def forward(self, inputs, *args, **kwargs):
        video, self.video = self.video, nn.Identity()
        try:
            hidden = inputs[0]
            for layer in video:
                hidden = layer(hidden)
            return super().forward([hidden, *inputs[1:]], *args, **kwargs)
        finally:
            self.video = video


SHORTCUTS = {
    WeightPenalty: "losses depend on the encoder of 'video' through a path",
    HiddenUnits: "losses depend on the encoder of 'video' through a path",
    Lateral: "'audio' depends on a trained parameter outside its encoder",
    Chained: "the encoder of 'audio' uses an encoder output",
    SharedStem: "'video' depends on a trained parameter outside its encoder",
    Pieces: "did not call the encoder of 'video'",
}


def find_shortcut(model, modalities=MODALITIES):
    features = EncoderFeatures(model, prefix_lists(modalities))
    losses = model(**make_batch(0), mode='loss')
    terms = [losses[key] for keys in TASKS.values() for key in keys]
    found = features.shortcut(terms, split_parameters(model, modalities))
    for hook in features.hooks:
        hook.remove()
    return found


def by_task(monkeypatch):
    monkeypatch.setattr(EncoderFeatures, 'shortcut', lambda *_: 'forced')


def test_independent_encoders_have_no_shortcut():
    assert find_shortcut(ToyModel()) is None


@pytest.mark.parametrize(
    'cls', SHORTCUTS, ids=lambda cls: getattr(cls, '__name__', '')
)
def test_shortcut_is_found_and_named(cls):
    assert SHORTCUTS[cls] in find_shortcut(cls())


def test_modules_of_one_modality_in_a_row_are_a_shortcut():
    modalities = dict(video=['video.0', 'video.2'], audio='audio')
    assert "'video' uses an encoder output" in find_shortcut(
        ToyModel(), modalities
    )


def test_outputs_of_one_node_are_no_shortcut():
    class Split(nn.Module):
        def __init__(self, layers):
            super().__init__()
            self.layers = layers

        def forward(self, x):
            return self.layers(x).unbind(1)

    model = ToyModel()
    model.audio = Split(model.audio)
    features = EncoderFeatures(model, prefix_lists(MODALITIES))
    batch = make_batch(0)['inputs']
    outputs = model.audio(batch[1])
    video = model.video(batch[0])
    loss = sum(o.sum() for o in outputs) + video.sum()
    assert len(features.tensors['audio']) == 5
    params = split_parameters(model, MODALITIES)
    assert features.shortcut([loss, loss], params) is None


@dataclasses.dataclass
class Encoded:
    feature: torch.Tensor


class Wrapped(nn.Module):
    """An encoder whose output has more than its feature."""

    def __init__(self, layers, wrap):
        super().__init__()
        self.layers, self.wrap = layers, wrap

    def forward(self, x):
        return self.wrap(self.layers(x))


@pytest.mark.parametrize(
    'wrap',
    [
        lambda x: (x, None, 3),
        lambda x: dict(name='audio', feature=x),
        lambda x: Encoded(x),
        lambda x: [[x], {}, 'abc'],
    ],
)
def test_outputs_with_other_things_than_tensors(wrap):
    module = nn.ModuleDict(dict(audio=Wrapped(nn.Linear(4, 5), wrap)))
    features = EncoderFeatures(module, prefix_lists(dict(audio='audio')))
    module['audio'](torch.ones(2, 4))
    (feature,) = features.tensors['audio']
    assert feature.shape == (2, 5)


class Hooked(ToyModel):
    """A hook scales the gradient at the output of an encoder."""

    change = staticmethod(lambda output: output.register_hook(lambda g: g / 4))

    def __init__(self):
        super().__init__(confidences=False)
        self.outputs = []

        def add_hook(module, args, output):
            self.change(output)
            self.outputs.append(output)

        self.video.register_forward_hook(add_hook)


class Retained(Hooked):
    change = staticmethod(lambda output: output.retain_grad())


@pytest.mark.parametrize('cls', [Hooked, Retained])
def test_hook_of_an_output_sees_the_gradient_once(cls):
    batches = [make_batch(seed) for seed in range(3)]
    weights, grads = [], []
    for cfg in (
        dict(type='OptimWrapper'),
        dict(type='TaskGradientOptimWrapper', weighting=dict(type='Sum')),
    ):
        model = cls()
        weights.append(train(model, build_wrapper(model, cfg), batches))
        grads.append(model.outputs[-1].grad if cls is Retained else None)
    torch.testing.assert_close(*weights, rtol=1e-6, atol=1e-6)
    assert (grads[0] is None) == (cls is Hooked)
    if cls is Retained:
        torch.testing.assert_close(*grads, rtol=1e-6, atol=1e-7)
    wrapper = make_wrapper(model, granularity='feature')
    with pytest.raises(RuntimeError, match="'video' has a hook or `retain"):
        train(model, wrapper, batches)


@pytest.mark.parametrize('cls', [ToyModel, *SHORTCUTS])
def test_both_ways_of_passing_give_the_same_update(cls, monkeypatch):
    batches = [make_batch(seed) for seed in range(4)]
    modes = []
    for forced in (False, True):
        if forced:
            by_task(monkeypatch)
        model = cls()
        modes.append(train(model, make_wrapper(model), batches))
    torch.testing.assert_close(*modes, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('cls', SHORTCUTS)
def test_feature_granularity_refuses_a_shortcut(cls):
    model = cls()
    wrapper = make_wrapper(model, granularity='feature')
    with pytest.raises(RuntimeError, match="use 'parameter'"):
        train(model, wrapper, [make_batch(0)])


def test_task_that_misses_a_modality(monkeypatch):
    class VideoDomain(ToyModel):
        def forward(self, inputs, *args, **kwargs):
            losses = super().forward(inputs, *args, **kwargs)
            video = self.video(inputs[0])
            return dict(losses, loss_domain=video.square().mean())

    batches = [make_batch(seed) for seed in range(3)]
    weights = []
    for forced in (False, True):
        if forced:
            by_task(monkeypatch)
        model = VideoDomain()
        weights.append(train(model, make_wrapper(model), batches))
    torch.testing.assert_close(*weights, rtol=1e-6, atol=1e-6)


def test_an_encoder_is_freed_before_the_next_one_is_passed():
    passes, activations = [], {}

    class Traced(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, name):
            ctx.name = name
            ctx.save_for_backward(x)
            activations[name] = weakref.ref(x)
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            passes.append((ctx.name, activations['video']() is not None))
            return gradient, None

    class Trace(nn.Module):
        def __init__(self, name):
            super().__init__()
            self.name = name

        def forward(self, x):
            return Traced.apply(x, self.name)

    model = ToyModel()
    for modality in MODALITIES:
        getattr(model, modality).insert(1, Trace(modality))
    train(model, make_wrapper(model), [make_batch(0)])
    assert passes == [
        ('video', True),
        ('video', True),
        ('audio', False),
        ('audio', False),
    ]


def test_gradient_accumulation_and_whole_batch_agree_past_a_shortcut():
    weights = []
    for cls in (HiddenUnits, ToyModel):
        model, other = cls(), cls()
        batch = make_batch(3)
        whole = train(model, make_wrapper(model), [batch])
        halves = [
            dict(inputs=[x[part] for x in batch['inputs']])
            for part in (slice(0, 4), slice(4, 8))
        ]
        train(other, make_wrapper(other, accumulative_counts=2), halves)
        torch.testing.assert_close(
            flat_weights(other), whole, rtol=1e-6, atol=1e-6
        )
        weights.append(whole)
    assert not torch.equal(*weights)
