# Copyright (c) mmgmp authors.
"""ModalityProjection maps each modality by separate layers."""

import pytest
import torch

from mmgmp.models import ModalityProjection

WIDTHS = dict(video=5, audio=3)


def features(size=4):
    return {m: torch.randn(size, d) for m, d in WIDTHS.items()}


def test_each_modality_has_its_own_map():
    neck = ModalityProjection(WIDTHS, out_channels=7)
    x = features()
    projected = neck(x)
    assert list(projected) == ['video', 'audio']
    assert neck.out_channels == dict(video=7, audio=7)
    for modality, layer in neck.projections.items():
        expected = x[modality] @ layer.weight.T + layer.bias
        torch.testing.assert_close(projected[modality], expected)


def test_lengths_of_one():
    neck = ModalityProjection(WIDTHS, out_channels=7, feature_norm='l2')
    free = ModalityProjection(WIDTHS, out_channels=7)
    free.load_state_dict(neck.state_dict())
    x = features()
    for modality, unit in neck(x).items():
        torch.testing.assert_close(unit.norm(dim=1), torch.ones(4))
        direction = free(x)[modality]
        torch.testing.assert_close(
            unit * direction.norm(dim=1, keepdim=True), direction
        )


def test_normalization_and_activation_come_before_the_length():
    neck = ModalityProjection(
        WIDTHS,
        out_channels=7,
        norm_cfg=dict(type='BN1d'),
        act_cfg=dict(type='ReLU'),
        feature_norm='l2',
    )
    x = features()
    for modality, found in neck(x).items():
        linear = neck.projections[modality][0]
        mapped = x[modality] @ linear.weight.T + linear.bias
        deviation = mapped - mapped.mean(0)
        rows = (
            deviation / (mapped.var(0, unbiased=False) + 1e-5).sqrt()
        ).clamp(min=0)
        torch.testing.assert_close(
            found, rows / rows.norm(dim=1, keepdim=True)
        )


def test_modality_may_be_missing():
    neck = ModalityProjection(WIDTHS)
    x = features()
    only = neck(dict(audio=x['audio']))
    assert list(only) == ['audio']
    assert torch.equal(only['audio'], neck(x)['audio'])
    assert only['audio'].shape == (4, 256)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(in_channels={}), 'got {} and 256'),
        (dict(in_channels=dict(video=0)), "got {'video': 0}"),
        (dict(in_channels=WIDTHS, out_channels=0), 'and 0'),
        (dict(in_channels=WIDTHS, feature_norm='l1'), "got 'l1'"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ModalityProjection(**arguments)
