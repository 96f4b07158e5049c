# Copyright (c) mmgmp authors.
"""Parameters by encoder."""

import pytest
import torch
from torch import nn

from mmgmp.optim.gradients.encoder_parameters import split_parameters

from ..toy import MODALITIES, ToyModel
from .test_encoder_features import SharedStem


def test_parameters_are_grouped_whether_they_are_frozen_or_not():
    model = SharedStem()
    model.audio.requires_grad_(False)
    params = split_parameters(model, MODALITIES)
    assert params.frozen() == ['audio']
    grouped = {m: params.encoders[span] for m, span in params.spans.items()}
    for modality, found in grouped.items():
        expected = [*getattr(model, modality).parameters()]
        assert [*map(id, found)] == [*map(id, expected)]
    assert params.names == [
        *(f'video.{i}.{kind}' for i in (0, 2) for kind in ('weight', 'bias')),
        'audio.0.weight',
        'audio.0.bias',
        *(
            f'{head}.{kind}'
            for head in ('cls', 'dom', 'stem')
            for kind in ('weight', 'bias')
        ),
    ]


def test_only_parameters_of_the_optimizer_count():
    model = ToyModel()
    outside = nn.Parameter(torch.zeros(2))
    optimized = [outside, model.cls.bias, model.video[2].weight]
    params = split_parameters(model, MODALITIES, optimized)
    assert params.names[:2] == ['video.2.weight', 'cls.bias']
    assert params.encoders[0] is model.video[2].weight
    assert params.others[1] is outside
    assert params.frozen() == ['audio']


def test_parameter_of_two_encoders_belongs_to_none():
    model = ToyModel()
    model.audio.append(nn.Linear(8, 5))
    model.audio[2].weight = model.video[2].weight
    params = split_parameters(model, MODALITIES)
    assert any(param is model.video[2].weight for param in params.others)
    assert len(params.encoders) == 6


@pytest.mark.parametrize(
    ('modalities', 'message'),
    [
        (dict(video='video', audio='adio'), "no module 'adio'.*'audio.0'"),
        (dict(video='video', audio=''), "no module ''"),
        (dict(video='video.0', audio='video'), "'video'.*earlier.*'video.0'"),
        (dict(video=['video', 'video']), "'video'.*earlier.*'video'"),
    ],
)
def test_wrong_prefix_is_named(modalities, message):
    with pytest.raises(ValueError, match=f'`modalities`.*{message}'):
        split_parameters(ToyModel(), modalities)
