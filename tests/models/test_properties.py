# Copyright (c) mmgmp authors.
"""Common properties of all registered objectives, fusions, classifiers."""

import pytest

from mmgmp.models import Classifier, Fusion, Objective

from .assertions import (
    assert_valid_classifier,
    assert_valid_fusion,
    assert_valid_objective,
    registered,
)

# Settings to check instead of the defaults.
SETTINGS = dict(
    Boomda=[dict(min_votes=1), dict(min_votes=1, balance='qp', scale='dim')],
    DomainAdversarial=[
        dict(schedule='dann'),
        dict(discriminator=dict(unimodal='auxiliary')),
    ],
    FusionClassifier=[
        dict(hidden_channels=7, dropout_ratio=0.5),
        dict(unimodal='split'),
        dict(unimodal='auxiliary', detach_auxiliary=False),
    ],
)


def configs(base):
    return [
        pytest.param(dict(settings, type=name), id=f'{name}-{index}')
        for name in registered(base)
        for index, settings in enumerate(SETTINGS.get(name, [{}]))
    ]


@pytest.mark.parametrize('cfg', configs(Objective))
def test_objective(cfg):
    assert_valid_objective(cfg)


@pytest.mark.parametrize('cfg', configs(Fusion))
def test_fusion(cfg):
    assert_valid_fusion(cfg)


@pytest.mark.parametrize('cfg', configs(Classifier))
def test_classifier(cfg):
    assert_valid_classifier(cfg)
