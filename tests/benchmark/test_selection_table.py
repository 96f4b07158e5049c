# Copyright (c) mmgmp authors.
"""Rules of selection side by side."""

import pandas as pd
import pytest

from mmgmp.benchmark.collect import TARGET_METRIC
from mmgmp.benchmark.plan import Method, Plan
from mmgmp.benchmark.selection_table import (
    recorded_selections,
    selection_table,
)
from tests.benchmark.toy_plan import write_config


@pytest.fixture
def plan(tmp_path):
    config = write_config(tmp_path)
    rate = {'optim_wrapper.optimizer.lr': 0.5}
    return Plan(
        'toy',
        tmp_path / 'rows.csv',
        dict(cartoon={}),
        (0, 1),
        {'Base': Method('Base', config), 'a|b': Method('a|b', config, rate)},
    )


def make_frame(plan, missing):
    """Accuracy 0.5; by IW the second seed has 0.1 more."""
    return pd.DataFrame(
        [
            {
                **run.identity(),
                'selection': rule,
                'state': 'finished',
                'reason': '',
                TARGET_METRIC: 0.5 + 0.1 * run.seed * (rule == 'iw'),
            }
            for run in plan.runs()
            for rule in ('oracle', 'iw', 'source')
            if (run.label, run.seed) != missing
        ]
    )


def test_table(plan):
    frame = make_frame(plan, missing=('Base', 1))
    rules = recorded_selections(frame)
    assert rules == ['source', 'oracle', 'iw']
    text = selection_table(plan, frame, rules)
    rows = [
        [cell.strip() for cell in line.replace('\\|', '/').split('|')[1:-1]]
        for line in text.splitlines()[2:6]
    ]
    assert rows[0] == ['Method', 'source', 'oracle', 'iw']
    # Without its second run there is no mean to compare.
    assert rows[2] == ['Base', '-', '-', '-']
    assert rows[3] == ['a/b', '50.0 ± 0.0', '50.0 ± 0.0', '55.0 ± 7.1']
    assert '- oracle: selected on the target, not a fair' in text
    assert '- iw: selected by importance-weighted source' in text
