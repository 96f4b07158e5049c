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


@MODELS.register_module()
class SeenRows(nn.Module):
    """Keeps what it was given."""

    def __init__(self, uses_unlabelled):
        super().__init__()
        self.uses_unlabelled = uses_unlabelled

    def forward(self, *rows):
        self.rows = rows
        return {}


def test_unlabelled_samples_reach_those_who_ask_for_them():
    torch.manual_seed(0)
    seen = {
        f'all_{x}': dict(type='SeenRows', uses_unlabelled=x) for x in (0, 1)
    }
    model = build(objectives=seen).eval()
    inputs, samples = make_inputs(), make_samples(domains=(0, 7, 1, None))
    del samples[1].gt_label, samples[3].gt_label
    samples[3].set_field(2, 'hidden_label')
    losses = model(inputs, samples, mode='loss')
    labelled = {m: x[[0, 2]] for m, x in inputs.items()}
    expected = model(labelled, [samples[0], samples[2]], mode='loss')
    torch.testing.assert_close(losses, expected)
    model(inputs, samples, mode='loss')
    few, everything = (x.rows for x in model.objectives.values())
    assert everything[2].tolist() == [0, -1, 2, -1]
    assert everything[3].tolist() == [0, -1, 1, -1]
    assert everything[4].tolist() == [-1, -1, -1, 2]
    assert len(few) == 4
    assert few[2].tolist() == [0, 2]
    assert few[3].tolist() == [0, 1]
    assert torch.equal(few[1], everything[1][[0, 2]])
    for modality, features in few[0].items():
        assert torch.equal(features, everything[0][modality][[0, 2]])


def test_batch_without_a_label():
    samples = make_samples()
    for sample in samples:
        del sample.gt_label
    with pytest.raises(ValueError, match='no sample of the batch has a label'):
        build()(make_inputs(), samples, mode='loss')


def test_neck_is_between_encoders_and_head():
    width = dict.fromkeys(IN_CHANNELS, 6)
    model = build(
        neck=dict(
            type='ModalityProjection', in_channels=IN_CHANNELS, out_channels=6
        ),
        cls_head=dict(type='MultimodalHead', num_classes=3, in_channels=width),
        objectives=dict(
            domain=dict(
                type='DomainAdversarial', num_domains=2, in_channels=width
            )
        ),
    ).eval()
    inputs, samples = make_inputs(), make_samples()
    projected = model.neck(model.backbone(inputs))
    assert {m: f.shape for m, f in projected.items()} == dict(
        video=(4, 6), audio=(4, 6)
    )
    expected = model.cls_head(projected).softmax(dim=1)
    predicted = model(inputs, samples, mode='predict')
    for row, sample in zip(expected, predicted, strict=True):
        torch.testing.assert_close(sample.pred_score['fused'], row)
    total, _ = model.parse_losses(model(inputs, samples, mode='loss'))
    total.backward()
    assert all(p.grad is not None for p in model.neck.parameters())
