# Copyright (c) mmgmp authors.
"""All wrappers: common properties, and encoders that a task misses."""

import pytest
import torch
import torch.distributed as dist
from mmaction.registry import OPTIM_WRAPPERS

from mmgmp.optim import ModalityOptimWrapper
from tests.examples.test_one_backward_wrapper import SlowDownStronger

from .test_gradient_scaling_optim_wrapper import NoisyScaling
from .toy import ToyModel, make_batch, train
from .wrapper_checks import (
    assert_ranks_agree,
    assert_valid_wrapper,
    build_wrapper,
    train_ranks,
)

SUM = dict(weighting=dict(type='Sum'))
NO_GMP = dict(alpha_k=0, alpha_p=0, projection='none')
FEATURE = dict(granularity='feature')

# Arguments of a wrapper, and neutral arguments.
CASES = {
    'GMPOptimWrapper': ({}, NO_GMP),
    'GMPOptimWrapper-feature': (FEATURE, NO_GMP),
    'TaskGradientOptimWrapper': (dict(weighting=dict(type='PCGrad')), SUM),
    'TaskGradientOptimWrapper-feature': (
        dict(weighting=dict(type='MGDA'), **FEATURE),
        SUM,
    ),
    'TaskGradientOptimWrapper-state': (
        dict(weighting=dict(type='torchjd.PCD')),
        SUM,
    ),
    'TaskGradientOptimWrapper-random': (
        dict(weighting=dict(type='torchjd.Random')),
        SUM,
    ),
    SlowDownStronger.__name__: ({}, dict(alpha=0)),
    NoisyScaling.__name__: (dict(noise=0.1), dict(noise=0)),
}


@pytest.mark.parametrize('case', CASES)
def test_wrapper_is_valid(case, tmp_path):
    type_, _, variant = case.partition('-')
    kwargs, neutral = CASES[case]
    assert_valid_wrapper(
        dict(type=type_, **kwargs),
        neutral,
        tmp_path,
        accumulates=variant != 'feature',
    )


def test_each_registered_wrapper_is_checked():
    registered = {
        name
        for name, cls in OPTIM_WRAPPERS.module_dict.items()
        if issubclass(cls, ModalityOptimWrapper)
        and not cls.__module__.startswith('tests.')
    }
    assert registered <= {case.partition('-')[0] for case in CASES}


class VideoDomain(ToyModel):
    """Its domain loss depends on the video encoder alone."""

    def forward(self, inputs, *args, **kwargs):
        losses = super().forward(inputs, *args, **kwargs)
        video = self.video(inputs[0]) @ self.dom.weight[:, :5].T
        loss = torch.nn.functional.cross_entropy(video, inputs[3])
        return dict(losses, loss_domain=loss)


class VideoDomainOnOneRank(VideoDomain):
    """Its domain loss misses the audio encoder on rank 1."""

    def forward(self, *args, **kwargs):
        cls = VideoDomain if dist.get_rank() == 1 else ToyModel
        return cls.forward(self, *args, **kwargs)


def configs(granularity):
    for type_ in ('MGDA', 'torchjd.MGDA', 'PCGrad', 'UPGrad'):
        yield dict(
            type='TaskGradientOptimWrapper',
            weighting=dict(type=type_),
            granularity=granularity,
        )


@pytest.mark.parametrize('granularity', ['parameter', 'feature'])
def test_encoder_follows_the_only_task_that_reaches_it(granularity):
    for cfg in configs(granularity):
        model, batch = VideoDomain(), make_batch(0)
        params = list(model.audio.parameters())
        grads = torch.autograd.grad(
            model(**batch, mode='loss')['loss_cls'], params
        )
        before = [p.detach().clone() for p in params]
        train(model, build_wrapper(model, cfg), [batch])
        # UPGrad also gives a single task the weight 1.
        for param, start, grad in zip(params, before, grads):
            torch.testing.assert_close(start - param, 0.1 * grad)
            assert grad.abs().max() > 1e-3


@pytest.mark.parametrize('granularity', ['parameter', 'feature'])
def test_ranks_do_as_one_process(granularity, tmp_path):
    cfg = next(configs(granularity))
    assert_ranks_agree(cfg, tmp_path, VideoDomain)


@pytest.mark.parametrize('granularity', ['parameter', 'feature'])
def test_task_that_reaches_it_on_one_rank_reaches_it(granularity, tmp_path):
    cfg = next(configs(granularity))
    first, second = train_ranks(cfg, tmp_path, VideoDomainOnOneRank)
    assert torch.equal(first, second)
    assert first.isfinite().all()


@pytest.mark.parametrize('granularity', ['parameter', 'feature'])
def test_encoder_that_no_task_reaches_stays(granularity):
    class NoAudio(ToyModel):
        def forward(self, inputs, *args, **kwargs):
            inputs = [inputs[0], inputs[1] * 0, *inputs[2:]]
            losses = super().forward(inputs, *args, **kwargs)
            audio = self.audio(inputs[1])
            return {
                key: value + 0 * audio.sum() if 'loss' in key else value
                for key, value in losses.items()
            }

    for cfg in configs(granularity):
        model = NoAudio()
        with torch.no_grad():
            model.cls.weight[:, 5:] = 0
            model.dom.weight[:, 5:] = 0
        before = model.audio[0].weight.detach().clone()
        weights = train(model, build_wrapper(model, cfg), [make_batch(0)])
        assert weights.isfinite().all()
        assert torch.equal(model.audio[0].weight, before)
