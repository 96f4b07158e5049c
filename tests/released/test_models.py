# Copyright (c) mmgmp authors.
"""Models with the defects of the released code."""

import pytest
import torch
from mmaction.registry import MODELS

from mmgmp.models import ConcatFusion, UnimodalDomainAdversarial
from mmgmp.released.models import (
    ReleasedConcatFusion,
    ReleasedUnimodalDomainAdversarial,
)
from tests.models.assertions import assert_valid_objective
from tests.models.encoders import encoders, write_weights
from tests.models.toy import features_batch


def test_eval_order_permutes_the_columns_in_eval_mode_only():
    widths = dict(video=2, flow=1, audio=3)
    features = dict(
        video=torch.tensor([[1.0, 2.0]]),
        flow=torch.tensor([[3.0]]),
        audio=torch.tensor([[4.0, 5.0, 6.0]]),
    )
    fusion = ReleasedConcatFusion(widths, ['video', 'audio', 'flow'])
    same = ConcatFusion(widths)
    trained = [1, 2, 3, 4, 5, 6]
    assert fusion(features).tolist() == [trained]
    assert same.eval()(features).tolist() == [trained]
    spans = fusion.spans
    assert fusion.eval()(features).tolist() == [[1, 2, 4, 5, 6, 3]]
    assert fusion.spans == spans
    assert spans == dict(
        video=slice(0, 2), flow=slice(2, 3), audio=slice(3, 6)
    )
    # A missing modality is replaced with zeros of its width, in its place.
    del features['audio']
    assert fusion(features).tolist() == [[1, 2, 0, 0, 0, 3]]


@pytest.mark.parametrize(
    'order',
    [
        ['video'],
        ['video', 'audio', 'audio'],
        ['video', 'flow'],
        [],
    ],
)
def test_eval_order_that_is_no_permutation_is_refused(order):
    with pytest.raises(
        ValueError, match=r"`eval_order`.*\['video', 'audio'\]"
    ):
        ReleasedConcatFusion(dict(video=2, audio=1), order)


@pytest.fixture
def features():
    return {
        m: torch.randn(6, d, requires_grad=True)
        for m, d in dict(video=5, audio=3).items()
    }


DOMAINS = torch.tensor([0, 1, 1, 0, 1, 0])


def build_adversary(cls, **kwargs):
    arguments = dict(
        in_channels=dict(video=5, audio=3),
        num_classes=3,
        num_domains=2,
        projection_channels=8,
        hidden_channels=7,
        dropout_ratio=0.0,
    )
    return cls(**dict(arguments, **kwargs)).train()


@pytest.mark.parametrize(
    ('cls', 'trained'),
    [
        (UnimodalDomainAdversarial, True),
        (ReleasedUnimodalDomainAdversarial, False),
    ],
)
def test_discriminator_is_trained_or_not(features, cls, trained):
    objective = build_adversary(cls)
    before = {n: p.clone() for n, p in objective.named_parameters()}
    optimizer = torch.optim.SGD(objective.parameters(), lr=1.0)
    losses = objective(features_batch(features, DOMAINS), None)
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    optimizer.step()
    for modality, feature in features.items():
        assert feature.grad.abs().sum() > 0, modality
    moved = {
        n: not torch.equal(p, before[n])
        for n, p in objective.named_parameters()
    }
    weights = [n for n in moved if n.endswith('weight')]
    assert len(weights) == 5
    assert all(moved[n] == trained for n in weights)
    assert any(moved.values()) == trained


def test_untrained_discriminator_keeps_statistics_and_dropout(features):
    objective = build_adversary(
        ReleasedUnimodalDomainAdversarial,
        dropout_ratio=0.5,
        projection_channels=64,
    )
    left, right = (
        objective(features_batch(features, DOMAINS), None) for _ in range(2)
    )
    assert left['loss_domain.video'] != right['loss_domain.video']
    norm = objective.discriminator[1]
    # Once for each modality and batch.
    assert norm.num_batches_tracked == 4
    assert norm.running_mean.abs().sum() > 0


def test_untrained_discriminator_is_a_valid_objective():
    assert_valid_objective(dict(type='ReleasedUnimodalDomainAdversarial'))


def build_backbone(**kwargs):
    cfg = dict(type='ReleasedMultimodalBackbone', encoders=encoders())
    return MODELS.build(dict(cfg, **kwargs))


def test_random_init_keeps_a_module_random(tmp_path):
    weights = write_weights(tmp_path)
    backbone = build_backbone(
        pretrained=weights, random_init=dict(audio=['layer4'])
    )
    backbone.init_weights()
    for modality, random in (('video', 'no module'), ('audio', 'layer4.')):
        expected = torch.load(weights[modality])['state_dict']
        state = getattr(backbone, modality).state_dict()
        for name, tensor in state.items():
            loaded = torch.equal(tensor, expected[name])
            assert loaded == (not name.startswith(random)), name


@pytest.mark.parametrize(
    ('random_init', 'message'),
    [
        (dict(video=['fast_path']), 'no `pretrained` file'),
        (dict(audio=['fc']), "`random_init`.*'fc'.*layer4"),
        (dict(flow=['layer4']), "`random_init` names .*'flow'"),
    ],
)
def test_wrong_random_init_is_named(random_init, message):
    with pytest.raises(ValueError, match=message):
        build_backbone(pretrained=dict(audio='x'), random_init=random_init)
