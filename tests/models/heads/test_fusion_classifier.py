# Copyright (c) mmgmp authors.
"""FusionClassifier: all three definitions of uni-modal logits."""

import pytest
import torch
import torch.nn.functional as F

from mmgmp.models import FusionClassifier

IN_CHANNELS = dict(video=5, audio=3)


def make_features(size=4):
    return {m: torch.randn(size, d) for m, d in IN_CHANNELS.items()}


def test_linear_logits_are_the_sum_of_the_modalities_and_the_bias():
    features = make_features()
    classifier = FusionClassifier(IN_CHANNELS, 6, unimodal='split')
    parts = classifier.unimodal_logits(features)
    torch.testing.assert_close(
        classifier(features), sum(parts.values()) + classifier.output.bias
    )


def test_split_and_masked_agree_where_both_exist():
    features = make_features()
    split = FusionClassifier(IN_CHANNELS, 6, unimodal='split')
    masked = FusionClassifier(IN_CHANNELS, 6, unimodal='masked')
    masked.load_state_dict(split.state_dict())
    left = split.unimodal_logits(features)
    right = masked.unimodal_logits(features)
    for modality in IN_CHANNELS:
        torch.testing.assert_close(left[modality], right[modality])


def test_masked_mlp_zeroes_the_other_modalities():
    features = make_features()
    classifier = FusionClassifier(IN_CHANNELS, 6, hidden_channels=7)
    zeroed = torch.cat([features['video'], torch.zeros(4, 3)], 1)
    hidden = F.relu(
        zeroed @ classifier.hidden.weight.T + classifier.hidden.bias
    )
    torch.testing.assert_close(
        classifier.unimodal_logits(features)['video'],
        hidden @ classifier.output.weight.T,
    )


def test_unimodal_logits_see_no_dropout():
    classifier = FusionClassifier(
        IN_CHANNELS, 6, hidden_channels=64, dropout_ratio=0.5
    ).train()
    features = make_features()
    assert not torch.equal(classifier(features), classifier(features))
    left, right = (classifier.unimodal_logits(features) for _ in range(2))
    assert torch.equal(left['video'], right['video'])


def test_auxiliary_layers_learn_without_training_the_encoder():
    classifier = FusionClassifier(IN_CHANNELS, 6, unimodal='auxiliary')
    features = {m: f.requires_grad_() for m, f in make_features().items()}
    target = torch.tensor([0, 1, 2, 3])
    logits = classifier.unimodal_logits(features)
    losses = classifier.auxiliary_losses(logits, target, 'loss_cls')
    assert set(losses) == {'loss_cls.video', 'loss_cls.audio'}
    sum(losses.values()).backward()
    assert features['video'].grad is None
    assert classifier.auxiliary['video'].weight.grad.abs().sum() > 0
    assert classifier.output.weight.grad is None


def test_auxiliary_losses_train_the_encoders_on_request():
    classifier = FusionClassifier(
        IN_CHANNELS,
        6,
        unimodal='auxiliary',
        detach_auxiliary=False,
        auxiliary_loss_weight=3.0,
    )
    features = {m: f.requires_grad_() for m, f in make_features().items()}
    target = torch.tensor([0, 1, 2, 3])
    losses = classifier.auxiliary_losses(
        classifier.unimodal_logits(features), target, 'loss_cls'
    )
    for modality, feature in features.items():
        weight = classifier.auxiliary[modality].weight
        plain = F.cross_entropy(
            F.linear(feature, weight, classifier.auxiliary[modality].bias),
            target,
        )
        loss = losses[f'loss_cls.{modality}']
        torch.testing.assert_close(loss, 3 * plain)
        for left, right in zip(
            torch.autograd.grad(loss, [feature, weight]),
            torch.autograd.grad(plain, [feature, weight]),
        ):
            torch.testing.assert_close(left, 3 * right)


@pytest.mark.parametrize('unimodal', ['masked', 'split'])
def test_readings_without_parameters_have_no_loss(unimodal):
    classifier = FusionClassifier(IN_CHANNELS, 6, unimodal=unimodal)
    assert classifier.auxiliary_losses({}, torch.tensor([0]), 'x') == {}
    assert set(dict(classifier.named_parameters())) == {
        'output.weight',
        'output.bias',
    }


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(unimodal='columns'), "`unimodal`.*'columns'"),
        (dict(unimodal='split', hidden_channels=8), '`hidden_channels`=8'),
        (dict(dropout_ratio=0.5), '`dropout_ratio`.*0.5'),
        (
            dict(unimodal='auxiliary', auxiliary_loss_weight=0),
            '`auxiliary_loss_weight`.*0',
        ),
        (
            dict(auxiliary_loss_weight=3.0),
            "`auxiliary_loss_weight`=3.0.*`unimodal`='masked'",
        ),
        (
            dict(fusion=dict(type='ConcatFusion', in_channels=IN_CHANNELS)),
            r"`fusion` sets \['in_channels'\]",
        ),
        (
            dict(unimodal='split', detach_auxiliary=False),
            "`detach_auxiliary`=False.*`unimodal`='split'",
        ),
    ],
)
def test_wrong_argument_is_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        FusionClassifier(IN_CHANNELS, 6, **kwargs)
