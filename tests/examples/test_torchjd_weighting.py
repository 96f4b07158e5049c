# Copyright (c) mmgmp authors.
"""A worked example: a weighting of TorchJD, selected by its name.

docs/add_a_method.md quotes the config.
"""

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torchjd.aggregation import AlignedMTL
from torchjd.autojac import backward, jac_to_grad

from tests.optim.toy import ToyModel, make_batch

optim_wrapper = dict(
    type='TaskGradientOptimWrapper',
    weighting=dict(type='torchjd.UPGrad'),
    tasks=dict(semantic=['loss_cls'], domain=['loss_domain']),
    modalities=dict(video='video', audio='audio'),
    optimizer=dict(type='SGD', lr=0.1),
)


@pytest.mark.parametrize(
    'weighting',
    [
        dict(type='torchjd.UPGrad'),
        dict(type='torchjd.AlignedMTL', scale_mode='rmse'),
        dict(type='torchjd.FairGrad', alpha=1.0),
        dict(
            type='torchjd.CRMOGM',
            alpha=0.5,
            weighting=dict(type='torchjd.PCD'),
        ),
    ],
)
def test_trains(weighting):
    model = ToyModel()
    before = [p.detach().clone() for p in model.parameters()]
    cfg = dict(optim_wrapper, weighting=weighting)
    wrapper = build_optim_wrapper(model, cfg)
    wrapper.initialize_count_status(model, 0, 4)
    for seed in range(4):
        model.train_step(make_batch(seed), wrapper)
    for param, start in zip(model.parameters(), before):
        assert param.isfinite().all() and not torch.equal(param, start)
    for modality in ('video', 'audio'):
        for task in ('semantic', 'domain'):
            key = f'train/weight/{task}.{modality}'
            assert wrapper.message_hub.get_scalar(key).current() > 0


def test_step_is_that_of_torchjd_itself():
    model, reference, batch = ToyModel(), ToyModel(), make_batch(4)
    cfg = dict(optim_wrapper, weighting=dict(type='torchjd.AlignedMTL'))
    wrapper = build_optim_wrapper(model, cfg)
    wrapper.initialize_count_status(model, 0, 1)
    before = [p.detach().clone() for p in model.video.parameters()]
    model.train_step(batch, wrapper)

    losses = reference(**batch, mode='loss')
    params = list(reference.video.parameters())
    backward([losses['loss_cls'], losses['loss_domain']], inputs=params)
    jac_to_grad(params, AlignedMTL())
    for param, start, other in zip(model.video.parameters(), before, params):
        torch.testing.assert_close(
            start - param, 0.1 * other.grad, rtol=1e-4, atol=1e-6
        )
