# Copyright (c) mmgmp authors.
"""An encoder that a task does not reach goes on with the other tasks."""

import pytest
import torch
import torch.distributed as dist

from .toy import ToyModel, make_batch, train
from .wrapper_checks import assert_ranks_agree, build_wrapper, train_ranks


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
        # UPGrad gives a single task the weight 1 as well.
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
