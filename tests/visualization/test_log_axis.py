# Copyright (c) mmgmp authors.
"""Ticks of logarithmic axes are few, round and plain."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from mmgmp.visualization.log_axis import log_ticks, set_log_ticks


@pytest.mark.parametrize(
    ('low', 'high', 'ticks'),
    [
        (0.005, 20, [0.01, 0.1, 1, 10]),
        (0.28, 3.5, [0.3, 1, 3]),
        (0.6, 1.9, [0.7, 1, 1.5]),
    ],
)
def test_ticks_are_round(low, high, ticks):
    np.testing.assert_allclose(log_ticks(low, high, 3), ticks)


def test_narrow_range_has_ticks():
    ticks = [t for t in log_ticks(0.97, 1.03, 3) if 0.97 <= t <= 1.03]
    assert len(ticks) >= 3


def test_no_more_ticks_than_asked_for():
    ax = Figure().subplots()
    ax.set_xscale('log')
    set_log_ticks(ax.xaxis, 0.5, 2000, least=2, most=3)
    np.testing.assert_allclose(ax.get_xticks(), [1, 100])
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert labels == ['1', '100']
    assert not len(ax.get_xticks(minor=True))
