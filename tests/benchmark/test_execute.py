# Copyright (c) mmgmp authors.
"""A run gives a row for each rule of selection, or says why it failed.

The accuracies are those of tests/utils/counting_toy.py: on the source 2/4,
4/4, 3/4 and 3/4 after epochs 1 to 4, on the target 0, 1/4, 3/4 and 3/4.
"""

import json
import threading

import pytest
from filelock import FileLock
from mmengine.runner import Runner

from mmgmp.benchmark.execute import (
    execute,
    forget_result,
    read_result,
    select_rows,
)
from tests.benchmark.toy_plan import make_run, write_config

SOURCE = 'source/acc/all/fused/top1'
TARGET = 'target/acc/all/fused/top1'


@pytest.fixture
def config(tmp_path):
    return write_config(tmp_path)


def test_rows_of_a_run(config, tmp_path):
    run = make_run(config, seed=5)
    rows = execute(run, str(tmp_path / 'run'), keep_checkpoints=False)
    found = {
        row['selection']: (row['epoch'], row[SOURCE], row[TARGET])
        for row in rows
    }
    assert found == dict(
        source=(2, 1, 0.25), last=(4, 0.75, 0.75), oracle=(3, 0.75, 0.75)
    )
    for row in rows:
        assert row['state'] == 'finished'
        assert row['reason'] == ''
        assert row['sources'] == 'human+animal'
        assert run.identity().items() <= row.items()
        assert 0 < row['seconds'] < 60
        assert 50 < row['peak_memory_mb'] < 1e5
        assert len(row['dataset_version']) == 12
        assert row['code_version']
        assert row['target/acc/cartoon/video/mean1'] >= 0
    assert read_result(tmp_path / 'run') == rows
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_ended_runs_do_not_run_again(config, tmp_path):
    run, folder = make_run(config), tmp_path / 'run'
    assert read_result(folder) is None
    rows = execute(run, str(folder), keep_checkpoints=True)
    assert len(list(folder.glob('*.pth'))) == 2
    (folder / 'rows.json').write_text('["as before"]')
    assert execute(run, str(folder), False) == ['as before']
    forget_result(folder)
    again = execute(run, str(folder), False)
    for row in (*rows, *again):
        row.pop('seconds'), row.pop('peak_memory_mb')
    assert again == rows


@pytest.mark.parametrize(
    ('fault', 'reason'),
    [
        ('crash', 'RuntimeError: the toy crashed, as it was told to'),
        (
            'diverge',
            'FloatingPointError: training diverged: loss is nan in epoch 3, '
            'iteration 3',
        ),
    ],
)
def test_failure(config, tmp_path, fault, reason):
    run = make_run(config, fault=fault)
    (row,) = execute(run, str(tmp_path / 'run'), keep_checkpoints=True)
    assert row['state'] == 'failed'
    assert row['selection'] == ''
    assert row['reason'] == reason
    assert run.identity().items() <= row.items()
    assert not any(key.startswith('target/') for key in row)
    assert read_result(tmp_path / 'run') == [row]
    assert 'Traceback' in (tmp_path / 'run/error.txt').read_text()
    # What is tried again begins anew.
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_interrupted_run_is_resumed(config, tmp_path):
    """The third iteration fails; then training goes on from there."""
    folder = tmp_path / 'run'
    cut = make_run(config, fault='crash')
    cfg = cut.load_config()
    cfg.work_dir = str(folder)
    cfg.custom_hooks.append(dict(type='TargetHistoryHook'))
    with pytest.raises(RuntimeError):
        Runner.from_cfg(cfg).train()
    history = json.loads((folder / 'target_history.json').read_text())
    assert list(history) == ['1', '2']
    for record in history.values():
        record['seconds'] += 1000
    history['3'] = dict(history['2'], target={TARGET[7:]: 1.0})
    (folder / 'target_history.json').write_text(json.dumps(history))
    rows = execute(make_run(config), str(folder), keep_checkpoints=False)
    assert [row[TARGET] for row in rows] == [0.25, 0.75, 0.75]
    assert [row['epoch'] for row in rows] == [2, 4, 3]
    assert all(row['seconds'] > 1000 for row in rows)


def test_second_process_waits_and_takes_over(config, tmp_path):
    folder = tmp_path / 'run'
    folder.mkdir()
    results = []
    with FileLock(folder / 'lock', is_singleton=False):
        thread = threading.Thread(
            target=lambda: results.append(
                execute(make_run(config), str(folder), False)
            )
        )
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        (folder / 'rows.json').write_text('["of the other"]')
    thread.join(10)
    assert results == [['of the other']]


def test_selection():
    def record(epoch, accuracy):
        metric = {'acc/all/fused/top1': accuracy}
        return dict(epoch=epoch, source=metric, target=metric)

    history = {'90': record(9, 0.5), '100': record(10, 0.4)}
    history['80'] = record(8, 0.5)
    rows = select_rows(history, 100)
    assert [(r['selection'], r['epoch']) for r in rows] == [
        ('source', 10),
        ('last', 10),
        ('oracle', 8),
    ]
    assert rows[2]['source/acc/all/fused/top1'] == 0.5
