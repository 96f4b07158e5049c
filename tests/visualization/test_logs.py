# Copyright (c) mmgmp authors.
"""Reading, selecting and pooling run logs, against small logs by hand."""

import json

import numpy as np
import pytest

from mmgmp.visualization import read_training_log
from mmgmp.visualization.logs import (
    Curves,
    check_alike,
    match_keys,
    moving_average,
    pool_runs,
    select_curves,
    spread_globs,
)

NAN = np.nan
STEPS = np.array([5, 10, 15])


def write_log(work_dir, timestamp, records):
    file = work_dir / timestamp / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    file.write_text(''.join(json.dumps(r) + '\n' for r in records))
    return file


def record(step, **values):
    return dict(lr=0.1, loss=1.0, iter=step, step=step, **values)


@pytest.mark.parametrize('records', [[], [dict(iter=10, loss=1.0)]])
def test_log_without_an_iteration(tmp_path, records):
    write_log(tmp_path, '20250101_000000', records)
    with pytest.raises(ValueError, match='logs no training iteration'):
        read_training_log(tmp_path)


def test_validation_records_are_left_out(tmp_path):
    records = [record(10), {'acc/all/fused/top1': 0.5, 'step': 1}, record(20)]
    file = write_log(tmp_path, '20250101_000000', records)
    for path in (tmp_path, file, str(file)):
        assert read_training_log(path) == [record(10), record(20)]


def test_resumed_run_replaces_from_its_first_step_on(tmp_path):
    write_log(tmp_path, '20250102_000000', [record(20, x=2), record(30, x=2)])
    write_log(
        tmp_path,
        '20250101_000000',
        [record(step, x=1) for step in (10, 20, 25, 30, 40)],
    )
    write_log(tmp_path, '20250103_000000', [{'acc': 0.5, 'step': 0}])
    (tmp_path / '20250104_000000').mkdir()
    steps = [(r['step'], r['x']) for r in read_training_log(tmp_path)]
    assert steps == [(10, 1), (20, 2), (30, 2)]


def test_missing_folder_and_log(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere does not exist'):
        read_training_log(tmp_path / 'nowhere')
    with pytest.raises(FileNotFoundError, match='has no <timestamp>'):
        read_training_log(tmp_path)


@pytest.mark.parametrize('line', ['{"step": 1', '[1]'])
def test_broken_line_is_named(tmp_path, line):
    file = write_log(tmp_path, '20250101_000000', [record(1)])
    with file.open('a') as log:
        log.write(line)
    with pytest.raises(ValueError, match=r'scalars\.json, line 2 is not'):
        read_training_log(tmp_path)


RUNS = [
    ('gmp', [record(5, a=1), record(10, **{'rho.v': 1, 'rho.a': 2})]),
    ('erm', [record(5, a=1, time=3)]),
]


@pytest.mark.parametrize(
    ('globs', 'matches'),
    [
        (['rho.*', 'a'], [['rho.v', 'rho.a'], ['a']]),
        (['*a', 'a', 'a'], [['a', 'rho.a'], ['a'], ['a']]),
        # Counters are not scalars.
        (['*'], [['lr', 'loss', 'a', 'rho.v', 'rho.a', 'time']]),
    ],
)
def test_keys_come_in_the_order_of_the_log(globs, matches):
    assert match_keys(RUNS, globs) == matches


@pytest.mark.parametrize(
    ('globs', 'message'),
    [
        (
            ['a', 'sigma.*'],
            r"'sigma\.\*' matches no logged key; there are \['a', 'loss', "
            r"'lr', 'rho.a', 'rho.v', 'time'\]$",
        ),
        (
            ['rho.*'],
            r"run erm logged no key that matches \['rho\.\*'\], only \['a', "
            r"'loss', 'lr', 'time'\]$",
        ),
    ],
)
def test_globs_and_runs_without_a_match(globs, message):
    with pytest.raises(ValueError, match=message):
        match_keys(RUNS, globs)


def test_values_of_globs_are_spread_over_the_keys():
    values = {'a.*': 1, '*.y': 2}
    spread = spread_globs('lines', values, ['a.x', 'a.y', 'b.x'])
    assert spread == {'a.x': 1, 'a.y': 2}
    with pytest.raises(ValueError, match=r"'c' of `lines` .* keys \['a.x'\]"):
        spread_globs('lines', {'c': 1}, ['a.x'])


def test_records_without_any_of_the_keys_do_not_count():
    records = [record(5), record(10, a=1), record(20, b=2, a=3), record(25)]
    curves = select_curves(records, ['b', 'a', 'c'])
    np.testing.assert_array_equal(curves.steps, [10, 20])
    assert list(curves.values) == ['b', 'a']
    np.testing.assert_array_equal(curves.values['a'], [1, 3])
    np.testing.assert_array_equal(curves.values['b'], [NAN, 2])


def test_values_where_another_key_is_zero_are_left_out():
    records = [
        record(10, kept=0, accuracy=0),
        record(20, kept=0.5, accuracy=0),
        record(30, kept=0.5),
        record(40, kept=0.5, accuracy=0.8),
        record(50, accuracy=0.7),
    ]
    curves = select_curves(records, ['accuracy'], {'accuracy': 'kept'})
    np.testing.assert_array_equal(curves.steps, [10, 20, 40, 50])
    # Nothing kept, none right, most right, unknown.
    np.testing.assert_array_equal(
        curves.values['accuracy'], [NAN, 0, 0.8, 0.7]
    )


def run(*values, steps=STEPS, key='rho.video'):
    return Curves(steps, {key: np.array(values, float)})


@pytest.mark.parametrize(
    ('log', 'mean'), [(True, [3, 1, 4]), (False, [5, 1.25, 4])]
)
def test_mean_and_range(log, mean):
    pooled = pool_runs([run(1, 2, 4), run(9, 0.5, 4)], 'rho.video', log)
    np.testing.assert_array_equal(pooled.steps, STEPS)
    # On a logarithmic axis a ratio and its inverse balance each other.
    np.testing.assert_allclose(pooled.mean, mean)
    np.testing.assert_allclose(pooled.low, [1, 0.5, 4])
    np.testing.assert_allclose(pooled.high, [9, 2, 4])


def test_each_run_is_smoothed_before():
    runs = [run(1, 3, 8), run(4, 12, 2)]
    pooled = pool_runs(runs, 'rho.video', log=True, smooth=3)
    # Means over the neighbours: 2, 4, 5.5 and 8, 6, 7.
    np.testing.assert_allclose(pooled.low, [2, 4, 5.5])
    np.testing.assert_allclose(pooled.high, [8, 6, 7])
    np.testing.assert_allclose(pooled.mean, [4, 24**0.5, 38.5**0.5])


@pytest.mark.parametrize('log', [True, False])
def test_only_runs_with_a_value_count(log):
    runs = [run(NAN, 2, NAN), run(9, np.inf, NAN)]
    for values in pool_runs(runs, 'rho.video', log)[1:]:
        np.testing.assert_allclose(values, [9, 2, NAN])


def test_zeros_do_not_count_on_a_logarithmic_axis():
    runs = [run(0, 0, 1), run(9, 0, 4)]
    pooled = pool_runs(runs, 'rho.video', log=True)
    np.testing.assert_allclose(pooled.mean, [9, NAN, 2])
    np.testing.assert_allclose(pooled.low, [9, NAN, 1])
    # Smoothing passes over them too.
    pooled = pool_runs(runs[:1], 'rho.video', log=True, smooth=3)
    np.testing.assert_allclose(pooled.mean, [NAN, 1, 1])


def test_key_that_no_run_logged():
    pooled = pool_runs([run(1, 2, 3)], 'sigma.video')
    assert [len(values) for values in pooled] == [0] * 4


def test_moving_average_over_missing_values():
    values = np.array([1.0, NAN, NAN, NAN, 4, 8])
    np.testing.assert_allclose(moving_average(values, 3), [1, 1, NAN, 4, 6, 6])


def test_moving_average_of_more_points_than_there_are():
    values = np.array([1.0, 2.0, 6.0])
    np.testing.assert_allclose(moving_average(values, 9), [1.5, 3, 4])
    np.testing.assert_allclose(moving_average(values, 1), values)


@pytest.mark.parametrize(
    ('other', 'message'),
    [
        (
            run(1, 2, steps=STEPS[:2]),
            'run b has 2 logged iterations from 5 to 10, but run a of the '
            'same label has 3 logged iterations from 5 to 15',
        ),
        (run(1, 2, 3, steps=STEPS + 1), 'run b has 3 .* from 6 to 16'),
        (
            run(1, 2, 3, key='rho.audio'),
            r"run b logged \['rho.audio'\], but run a of the same label "
            r"logged \['rho.video'\]",
        ),
    ],
)
def test_runs_that_do_not_match_are_named(other, message):
    check_alike({'a': run(1, 2, 3), 'b': run(3, 2, 1)})
    with pytest.raises(ValueError, match=message):
        check_alike({'a': run(1, 2, 3), 'b': other})


@pytest.mark.parametrize(
    'line',
    [
        '{"step": "x", "iter": 1}',
        '{"step": NaN, "iter": 1}',
        '{"step": null, "iter": 1}',
        '[' * 100_000,
        '{"iter": ' + '9' * 5000 + '}',
    ],
)
def test_impossible_line_is_named(tmp_path, line):
    write_log(tmp_path, 'a', [record(1)])
    file = tmp_path / 'a/vis_data/scalars.json'
    file.write_text(file.read_text().rstrip() + f'\n{line}\n')
    with pytest.raises(ValueError, match=r'scalars\.json, line 2') as caught:
        read_training_log(tmp_path)
    assert '\n' not in str(caught.value)


def test_values_that_are_no_numbers(tmp_path):
    values = dict(a=float('nan'), name='x', none=None, b=float('inf'))
    write_log(tmp_path, 'a', [record(1, **values)])
    (found,) = read_training_log(tmp_path)
    assert {'a', 'b'} < found.keys()
    assert found.keys().isdisjoint({'name', 'none'})


def test_log_that_is_no_text(tmp_path):
    write_log(tmp_path, 'a', [])
    (tmp_path / 'a/vis_data/scalars.json').write_bytes(b'\xff\xfe')
    with pytest.raises(ValueError, match=r'scalars\.json is not a text file'):
        read_training_log(tmp_path)
