# Copyright (c) mmgmp authors.
"""MultimodalRecognizer end to end with real encoders."""

import pytest
import torch
from mmaction.registry import MODELS
from torch import nn

from tests.models.encoders import (
    IN_CHANNELS,
    encoders,
    make_inputs,
    make_samples,
)


def build(**kwargs):
    objective = dict(
        type='DomainAdversarial', num_domains=2, in_channels=IN_CHANNELS
    )
    cfg = dict(
        type='MultimodalRecognizer',
        backbone=dict(type='MultimodalBackbone', encoders=encoders()),
        cls_head=dict(
            type='MultimodalHead', num_classes=3, in_channels=IN_CHANNELS
        ),
        objectives=dict(domain=objective),
    )
    return MODELS.build(dict(cfg, **kwargs))


def test_losses_reach_every_part():
    model = build()
    losses = model(make_inputs(), make_samples(), mode='loss')
    assert set(losses) == {
        'loss_cls',
        'loss_domain',
        *(
            f'{task}_confidence.{m}'
            for task in ('semantic', 'domain')
            for m in ('video', 'audio')
        ),
    }
    total, _ = model.parse_losses(losses)
    torch.testing.assert_close(
        total, losses['loss_cls'] + losses['loss_domain']
    )
    total.backward()
    assert all(p.grad is not None for p in model.parameters())


def test_prediction_does_not_use_the_objectives():
    model = build().eval()
    inputs, samples = make_inputs(), make_samples(domains=(-1,) * 4)
    expected = model(inputs, samples, mode='predict')[0].pred_score['fused']
    del model.objectives
    actual = model(inputs, samples, mode='predict')[0].pred_score['fused']
    assert torch.equal(actual, expected)


def test_modality_modules_are_prefixes_of_the_encoders():
    model = build()
    assert model.modality_modules == dict(
        video='backbone.video', audio='backbone.audio'
    )
    names = [n for n, _ in model.named_parameters()]
    for prefix in model.modality_modules.values():
        assert any(n.startswith(f'{prefix}.') for n in names)


def test_missing_modality_at_test_time():
    model = build().eval()
    inputs = make_inputs()
    samples = model(
        dict(audio=inputs['audio']), make_samples(), mode='predict'
    )
    assert set(samples[0].pred_score) == {'fused', 'audio', 'audio_unimodal'}
    complete = model(inputs, make_samples(), mode='predict')
    torch.testing.assert_close(
        samples[0].pred_score['fused'], complete[0].pred_score['audio']
    )


def test_missing_modality_in_training_is_an_error():
    inputs = make_inputs()
    del inputs['video']
    with pytest.raises(ValueError, match=r"no \['video'\]"):
        build()(inputs, make_samples(), mode='loss')


def test_sample_of_no_source_domain_in_training_is_an_error():
    samples = make_samples(domains=(0, 1, -1, 0))
    with pytest.raises(ValueError, match=r'domains \[0, 1, -1, 0\]'):
        build()(make_inputs(), samples, mode='loss')


def test_recognizer_without_objectives_needs_no_domain():
    samples = make_samples(domains=(-1,) * 4)
    losses = build(objectives=None)(make_inputs(), samples, mode='loss')
    assert 'loss_domain' not in losses


@MODELS.register_module()
class RepeatedLoss(nn.Module):
    """Returns a key of the head."""

    def forward(self, features, logits, labels, domains):
        return dict(loss_cls=logits.sum())


def test_two_terms_of_one_name_are_an_error():
    model = build(objectives=dict(again=dict(type='RepeatedLoss')))
    with pytest.raises(KeyError, match=r"'again' returns \['loss_cls'\]"):
        model(make_inputs(), make_samples(), mode='loss')
