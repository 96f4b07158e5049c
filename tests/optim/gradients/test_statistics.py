# Copyright (c) mmgmp authors.
"""Means of the loss dict, and reads of values that are not finite."""

import math

import pytest
import torch

from mmgmp.optim.gradients.statistics import Statistics, StatisticsMean


@pytest.mark.parametrize(
    'read',
    [
        lambda s: s['bad'],
        lambda s: s.get('bad'),
        lambda s: list(s.values()),
        lambda s: list(s.items()),
        dict,
        lambda s: {**s},
    ],
)
def test_every_way_to_read_a_value_that_is_not_finite_is_seen(read):
    statistics = Statistics(good=1.0, bad=math.nan)
    assert statistics.not_finite == ['bad']
    assert statistics['good'] == statistics.get('good') == 1
    assert statistics.get('absent', 2) == 2
    assert 'bad' in statistics and len(statistics) == 2
    assert not statistics.read_not_finite
    read(statistics)
    assert statistics.read_not_finite


def test_mean_is_over_the_forwards_that_have_the_name():
    mean = StatisticsMean()
    mean.add(dict(loss=torch.tensor(1.0), confidence=torch.tensor(0.5)))
    mean.add(dict(loss=torch.tensor(3.0)))
    assert mean.pop() == dict(loss=2, confidence=0.5)
    assert mean.pop() == {}
