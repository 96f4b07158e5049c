# Copyright (c) mmgmp authors.
"""Modalities that are compared, but whose gradients are not balanced."""

import logging

import pytest
import torch
import torch.nn.functional as F
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from torch import nn

from mmgmp.optim import GMPOptimWrapper

from .test_gmp_optim_wrapper import make_wrapper, naive_gradient
from .toy import MODALITIES, ToyModel, flat_weights, make_batch, train
from .wrapper_checks import build_wrapper

GRANULARITIES = ('parameter', 'feature')
NEUTRAL = dict(alpha_k=0, alpha_p=0, projection='none')


class FrozenAudio(ToyModel):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.audio.requires_grad_(False)


class FrozenEncoders(FrozenAudio):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.video.requires_grad_(False)


class Prompted(FrozenAudio):
    """A trained parameter is below the frozen encoder."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.prompt = nn.Parameter(torch.zeros(4))

    def forward(self, inputs, *args, **kwargs):
        video, audio, *rest = inputs
        inputs = [video, audio + self.prompt, *rest]
        return super().forward(inputs, *args, **kwargs)


class WithoutEncoder(ToyModel):
    """The features of one modality are inputs."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.audio = nn.Identity()

    def forward(self, inputs, *args, **kwargs):
        video, audio, *rest = inputs
        inputs = [video, F.pad(audio, (0, 1)), *rest]
        return super().forward(inputs, *args, **kwargs)


class OneEncoder(ToyModel):
    """Both modalities go through one encoder."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.audio = self.video

    def forward(self, inputs, *args, **kwargs):
        video, audio, *rest = inputs
        inputs = [video, F.pad(audio, (0, 2)), *rest]
        return super().forward(inputs, *args, **kwargs)


class Trunk(ToyModel):
    """Each modality has an encoder of its own after a common layer."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        with torch.random.fork_rng():
            torch.manual_seed(8)
            self.trunk = nn.Linear(4, 4)

    def forward(self, inputs, *args, **kwargs):
        video, audio, *rest = inputs
        video = torch.cat([self.trunk(video[:, :4]), video[:, 4:]], dim=1)
        inputs = [video, self.trunk(audio), *rest]
        return super().forward(inputs, *args, **kwargs)


TRUNK = {m: ['trunk', m] for m in MODALITIES}
# Case -> model, modalities.
CASES = dict(
    frozen=(FrozenAudio, MODALITIES),
    left_out=(FrozenAudio, dict(video='video')),
    no_module=(FrozenAudio, dict(video='video', audio=[])),
    prompted=(Prompted, MODALITIES),
    no_encoder=(WithoutEncoder, MODALITIES),
    all_frozen=(FrozenEncoders, MODALITIES),
    one_encoder=(OneEncoder, MODALITIES),
    one_prefix=(OneEncoder, dict(video='video', audio='video')),
    trunk=(Trunk, TRUNK),
)


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('granularity', GRANULARITIES)
def test_neutral_wrapper_trains_as_the_stock_one(case, granularity):
    cls, modalities = CASES[case]
    batches = [make_batch(seed) for seed in range(4)]
    model, reference = cls(), cls()
    wrapper = make_wrapper(
        model, modalities=modalities, granularity=granularity, **NEUTRAL
    )
    if case == 'trunk' and granularity == 'feature':
        with pytest.raises(RuntimeError, match="use 'parameter'"):
            train(model, wrapper, batches)
        return
    weights = train(model, wrapper, batches)
    expected = train(reference, make_wrapper(reference, OptimWrapper), batches)
    torch.testing.assert_close(weights, expected, rtol=1e-5, atol=1e-6)
    assert not torch.equal(weights, flat_weights(cls()))


@pytest.mark.parametrize('case', ['frozen', 'left_out', 'no_module'])
def test_frozen_modality_is_compared(case):
    sides = set()
    for seed in range(6):
        model, batch = FrozenAudio(seed=seed), make_batch(seed)
        model.audio.requires_grad_(True)
        expected, (_, stronger) = naive_gradient(model, batch, 'video')
        sides.add(stronger)
        model.audio.requires_grad_(False)
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
        wrapper = make_wrapper(model, modalities=CASES[case][1], lr=1.0)
        train(model, wrapper, [batch])
        for name, param in model.named_parameters():
            step = before[name] - param.detach()
            if name in expected:
                torch.testing.assert_close(
                    step, expected[name], rtol=1e-4, atol=1e-6
                )
            assert step.any() == (not name.startswith('audio'))
    assert sides == {False, True}


def test_log_has_the_weighted_modality_alone():
    model = FrozenAudio()
    wrapper = make_wrapper(model)
    scalars = wrapper.message_hub.log_scalars
    for key in [key for key in scalars if '/gmp/' in key]:
        del scalars[key]
    losses = model(**make_batch(0), mode='loss')
    train(model, wrapper, [make_batch(0)])
    logged = {key.rpartition('.')[2] for key in scalars if '/gmp/' in key}
    assert logged == {'video'}
    rho, sigma = (
        float(losses[f'{task}_confidence.{a}'])
        / float(losses[f'{task}_confidence.{b}'])
        for task, a, b in (
            ('semantic', 'video', 'audio'),
            ('domain', 'audio', 'video'),
        )
    )
    assert scalars['train/gmp/rho.video'].current() == pytest.approx(rho)
    assert scalars['train/gmp/sigma.video'].current() == pytest.approx(sigma)


@pytest.fixture
def warnings():
    """Warnings of the log."""
    messages = []

    class Keep(logging.Handler):
        def emit(self, record):
            messages.append(record.getMessage())

    logger = MMLogger.get_current_instance()
    handler = Keep(logging.WARNING)
    logger.addHandler(handler)
    yield messages
    logger.removeHandler(handler)


def test_one_line_says_what_is_not_balanced(warnings):
    model = FrozenAudio()
    wrapper = make_wrapper(model)
    train(model, wrapper, [make_batch(seed) for seed in range(3)])
    (message,) = warnings
    assert "encoders of ['audio']" in message
    model.audio.requires_grad_(True)
    train(model, wrapper, [make_batch(0)])
    model.audio.requires_grad_(False)
    train(model, wrapper, [make_batch(0)])
    assert len(warnings) == 1
    model = Trunk()
    train(model, make_wrapper(model, modalities=TRUNK), [make_batch(0)])
    assert len(warnings) == 2
    assert "share 2 parameters, such as 'trunk.weight'" in warnings[1]


def test_shared_part_has_the_plain_gradient():
    """Its update is the stock one; that of the other parts is not."""
    steps = []
    for cls in (OptimWrapper, GMPOptimWrapper):
        model = Trunk()
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
        kwargs = dict(modalities=TRUNK) if cls is GMPOptimWrapper else {}
        train(model, make_wrapper(model, cls, **kwargs), [make_batch(0)])
        steps.append(
            {n: before[n] - p.detach() for n, p in model.named_parameters()}
        )
    stock, balanced = steps
    for name, step in stock.items():
        same = torch.allclose(balanced[name], step, rtol=1e-5, atol=1e-7)
        assert same == (name.split('.')[0] not in MODALITIES), name


@pytest.mark.parametrize('granularity', GRANULARITIES)
@pytest.mark.parametrize(
    'rule', ['MGDA', 'PCGrad', 'UPGrad', 'torchjd.PCD', 'torchjd.GradVac']
)
def test_any_rule_balances_the_other_encoder_alone(rule, granularity):
    cfg = dict(
        type='TaskGradientOptimWrapper',
        weighting=dict(type=rule),
        granularity=granularity,
    )
    batches = [make_batch(seed) for seed in range(3)]
    frozen, trained = FrozenAudio(), ToyModel()
    for model in (frozen, trained):
        # Its features are constant, so video is trained as beside a frozen
        # encoder.
        wrapper = build_wrapper(model, cfg)
        if model is trained:
            (group,) = wrapper.optimizer.param_groups
            ids = {id(param) for param in model.audio.parameters()}
            group['params'] = [p for p in group['params'] if id(p) not in ids]
        train(model, wrapper, batches)
        assert wrapper.skipped_steps == 0
    assert torch.equal(flat_weights(frozen), flat_weights(trained))
    # It takes part as soon as it is trained.
    before = frozen.audio[0].weight.detach().clone()
    wrapper = build_wrapper(frozen, cfg)
    train(frozen, wrapper, batches[:1])
    frozen.audio.requires_grad_(True)
    train(frozen, wrapper, batches)
    assert not torch.equal(frozen.audio[0].weight, before)
