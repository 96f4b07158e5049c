# Copyright (c) mmgmp authors.
"""A new classifier (late fusion) needs only its class; mean confidence."""

import math

import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.optim import OptimWrapper
from torch import nn

from mmgmp.models import Classifier
from mmgmp.models.fusions.fusion import fill_absent
from mmgmp.models.heads.classifier import mean_confidence
from tests.models.assertions import assert_valid_classifier
from tests.models.toy import WIDTHS, make_inputs, make_samples, recognizer_cfg

MODALITIES = ('video', 'audio')


@MODELS.register_module()
class ToyLateClassifier(Classifier):
    """Mean of the logits of a linear layer for each modality."""

    def __init__(self, in_channels, num_classes):
        super().__init__(in_channels, num_classes)
        self.layers = nn.ModuleDict(
            {m: nn.Linear(d, num_classes) for m, d in in_channels.items()}
        )

    def forward(self, features):
        filled = fill_absent(features, self.in_channels)
        return torch.stack([*self.unimodal_logits(filled).values()]).mean(0)

    def unimodal_logits(self, features):
        return {m: self.layers[m](x).float() for m, x in features.items()}


def build():
    classifier = dict(type='ToyLateClassifier')
    return MODELS.build(
        recognizer_cfg(
            MODALITIES,
            cls_head=dict(type='MultimodalHead', classifier=classifier),
            objectives=dict(
                domain=dict(type='DomainAdversarial', discriminator=classifier)
            ),
        )
    )


def test_it_is_valid():
    assert_valid_classifier(dict(type='ToyLateClassifier'))


def test_it_trains():
    model = build()
    assert type(model.cls_head.classifier) is ToyLateClassifier
    assert type(model.objectives['domain'].discriminator) is ToyLateClassifier
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.5))
    inputs = make_inputs(MODALITIES, 4)
    samples = make_samples([0, 1, 2, 1], [0, 1, 0, 1])
    values = []
    for _ in range(10):
        losses = model(inputs, samples, mode='loss')
        values.append(losses['loss_cls'].item())
        wrapper.update_params(model.parse_losses(losses)[0])
    assert values[-1] < 0.5 * values[0]
    assert losses.keys() == {
        'loss_cls',
        'loss_domain',
        *(
            f'{task}_confidence.{m}'
            for task in ('semantic', 'domain')
            for m in MODALITIES
        ),
    }


@torch.no_grad()
def test_it_predicts():
    model = build().eval()
    inputs = make_inputs(MODALITIES, 4)
    samples = [ActionDataSample() for _ in range(4)]
    model(inputs, samples, mode='predict')
    features = model.backbone(inputs)
    logits = model.cls_head.classifier.unimodal_logits(features)
    fused = (logits['video'] + logits['audio']) / 2
    for index, sample in enumerate(samples):
        scores = sample.pred_score
        assert set(scores) == {
            'fused',
            *MODALITIES,
            *(f'{m}_unimodal' for m in MODALITIES),
        }
        torch.testing.assert_close(scores['fused'], fused[index].softmax(0))
        for modality in MODALITIES:
            torch.testing.assert_close(
                scores[f'{modality}_unimodal'],
                logits[modality][index].softmax(0),
            )
        side_by_side = torch.cat([features[m][index] for m in MODALITIES])
        assert torch.equal(sample.fused_features, side_by_side)


@torch.no_grad()
def test_absent_modality_has_the_default_embedding_of_zeros():
    model = build().eval()
    sample = ActionDataSample()
    inputs = dict(audio=make_inputs(MODALITIES, 1)['audio'])
    model(inputs, [sample], mode='predict')
    assert sample.fused_features.shape == (WIDTHS['video'] + WIDTHS['audio'],)
    assert not sample.fused_features[: WIDTHS['video']].any()
    assert set(sample.pred_score) == {'fused', 'audio', 'audio_unimodal'}


def test_widths_are_not_named_again():
    head = dict(
        type='MultimodalHead',
        classifier=dict(type='ToyLateClassifier', num_classes=3),
    )
    with pytest.raises(ValueError, match=r"`classifier` sets \['num_class"):
        MODELS.build(recognizer_cfg(MODALITIES, cls_head=head))


def test_mean_probability_of_the_true_label():
    logits = torch.tensor([[math.log(3), 0.0], [0.0, 0.0]])
    # Probabilities of the labels: 3/4 and 1/2.
    confidence = mean_confidence(logits.requires_grad_(), torch.tensor([0, 1]))
    assert confidence.item() == pytest.approx((0.75 + 0.5) / 2)
    assert not confidence.requires_grad
