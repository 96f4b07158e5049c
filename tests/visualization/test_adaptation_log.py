# Copyright (c) mmgmp authors.
"""What Boomda logged, read from small logs by hand."""

import numpy as np
import pytest

from mmgmp.visualization import adaptation_curves


def record(step, **values):
    scalars = {f'boomda/{key}': value for key, value in values.items()}
    return dict(loss=1.0, iter=step, step=step, **scalars)


def test_quantities_and_blocks():
    records = [
        record(
            step,
            **{'gamma.video': 0.4, 'gamma.fused': 0.6, 'discrepancy.video': 2},
            ratio=step,
            kept=0.5,
        )
        for step in (5, 10)
    ]
    curves = adaptation_curves(iter(records), 'run')
    assert {quantity: list(b) for quantity, b in curves.items()} == {
        'gamma': ['video', 'fused'],
        'discrepancy': ['video'],
        'ratio': [''],
        'kept': [''],
    }
    for by_block in curves.values():
        for steps, _ in by_block.values():
            np.testing.assert_array_equal(steps, [5, 10])
    np.testing.assert_array_equal(curves['ratio'][''][1], [5, 10])
    np.testing.assert_array_equal(curves['gamma']['fused'][1], [0.6, 0.6])


def test_values_that_mean_nothing():
    records = [
        dict(loss=1.0, iter=5, step=5),
        record(10, ratio=0.0, kept=0.0, pseudo_accuracy=0.0),
        record(20, ratio=2.0, kept=0.5, pseudo_accuracy=0.0),
        record(30, ratio=3.0, kept=0.5),
        record(40, kept=0.5, pseudo_accuracy=0.8),
    ]
    for r, value in zip(records[1:], (0.0, 4.0, 5.0, 6.0)):
        r['boomda/gamma.video'] = r['boomda/discrepancy.video'] = value
    curves = adaptation_curves(records, 'run')
    nan = np.nan
    for values, expected in (
        (curves['ratio'][''], [nan, 2, 3, nan]),
        (curves['discrepancy']['video'], [nan, 4, 5, 6]),
        (curves['gamma']['video'], [0, 4, 5, 6]),
        (curves['kept'][''], [0, 0.5, 0.5, 0.5]),
        # Nothing kept, none right, not logged, most right.
        (curves['pseudo_accuracy'][''], [nan, 0, nan, 0.8]),
    ):
        np.testing.assert_array_equal(values[0], [10, 20, 30, 40])
        np.testing.assert_array_equal(values[1], expected)


def test_log_without_scalars_of_boomda():
    message = (
        'work_dirs/erm has no scalars of Boomda.*do not contain '
        r"`boomda/ratio`; give .* Found \['iter', 'loss', 'step'\]"
    )
    with pytest.raises(ValueError, match=message):
        adaptation_curves([record(5)], 'work_dirs/erm')
