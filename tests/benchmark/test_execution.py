# Copyright (c) mmgmp authors.
"""A run returns a row for each selection rule, or the reason it failed.

tests/utils/counting_toy.py has these accuracies after epochs 1 to 4: 2/4, 4/4,
3/4 and 3/4 on the source, and 0, 1/4, 3/4 and 3/4 on the target.
"""

import json
import threading

import pytest
from filelock import FileLock
from mmengine.config import Config
from mmengine.runner import Runner, loops

from mmgmp.benchmark import execution
from mmgmp.benchmark.execution import (
    execute,
    forget_result,
    read_result,
)
from tests.benchmark.toy_plan import make_run, write_config
from tests.utils import counting_toy

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
        assert run.identity.items() <= row.items()
        assert 0 < row['seconds'] < 60
        assert 50 < row['peak_memory_mb'] < 1e5
        assert len(row['dataset_version']) == 12
        assert row['code_version']
        assert row['target/acc/cartoon/video/mean1'] >= 0
        assert row['target/acc/all/clips'] == 4
        assert row['target/acc/all/majority'] == 0.75
    assert rows[0]['target/acc/all/fused/class/on'] == pytest.approx(1 / 3)
    assert read_result(tmp_path / 'run', run) == rows
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_ended_runs_do_not_run_again(config, tmp_path):
    run, folder = make_run(config), tmp_path / 'run'
    assert read_result(folder, run) is None
    rows = execute(run, str(folder), keep_checkpoints=True)
    assert len(list(folder.glob('*.pth'))) == 2
    before = [dict(rows[0], note='as before')]
    (folder / 'rows.json').write_text(json.dumps(before))
    assert execute(run, str(folder), False) == before
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
    assert run.identity.items() <= row.items()
    assert not any(key.startswith('target/') for key in row)
    assert read_result(tmp_path / 'run', run) == [row]
    assert 'Traceback' in (tmp_path / 'run/error.txt').read_text()
    # A repeated run goes on from here.
    assert (tmp_path / 'run/epoch_2.pth').is_file()


def test_interrupted_run_is_resumed(config, tmp_path):
    """The third iteration fails; then training resumes there."""
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


def test_failed_run_goes_on(config, tmp_path, monkeypatch):
    """A transient error in iteration 3 costs no earlier iteration."""
    folder, run = tmp_path / 'run', make_run(config)
    trained = []
    forward = counting_toy.CountingToyModel.forward
    faults = [OSError(28, 'No space left on device')]

    def flaky(self, *args, mode, **kwargs):
        if mode == 'loss':
            if self.weight > 1.5 and faults:
                raise faults.pop()
            trained.append(round(self.weight.item()))
        return forward(self, *args, mode=mode, **kwargs)

    monkeypatch.setattr(counting_toy.CountingToyModel, 'forward', flaky)
    (row,) = execute(run, str(folder), keep_checkpoints=False)
    assert row['reason'] == 'OSError: [Errno 28] No space left on device'
    assert (folder / 'epoch_2.pth').is_file()
    forget_result(folder)
    rows = execute(run, str(folder), keep_checkpoints=False)
    assert trained == [0, 1, 2, 3]
    assert [row[TARGET] for row in rows] == [0.25, 0.75, 0.75]
    assert not list(folder.glob('*.pth'))


def test_kill_while_the_best_epoch_is_tested(tmp_path, monkeypatch):
    """Epoch 2, the best one, is not trained again, but its target test is."""
    settings = counting_toy.settings()
    settings['default_hooks']['checkpoint']['type'] = 'AtomicCheckpointHook'
    Config(settings).dump(tmp_path / 'toy.py')
    folder, run = tmp_path / 'run', make_run(str(tmp_path / 'toy.py'))
    tested = loops.TestLoop.run

    def kill(self):
        if self.runner.epoch == 2:
            raise KeyboardInterrupt
        return tested(self)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loops.TestLoop, 'run', kill)
        execute(run, str(folder), keep_checkpoints=False)
    assert (folder / 'epoch_2.pth').is_file()
    rows = execute(run, str(folder), keep_checkpoints=False)
    assert [row['reason'] for row in rows] == [''] * 3
    assert [row['epoch'] for row in rows] == [2, 4, 3]
    assert [row[TARGET] for row in rows] == [0.25, 0.75, 0.75]


def test_run_that_died_in_the_test_is_only_tested(
    config, tmp_path, monkeypatch
):
    folder, run = tmp_path / 'run', make_run(config)
    format_ = execution.select_rows

    def fail(*args):
        raise RuntimeError('a node went away')

    monkeypatch.setattr(execution, 'select_rows', fail)
    (row,) = execute(run, str(folder), keep_checkpoints=False)
    assert row['state'] == 'failed'
    monkeypatch.setattr(execution, 'select_rows', format_)

    def forward(self, *args, mode, **kwargs):
        assert mode != 'loss'
        return original(self, *args, mode=mode, **kwargs)

    original = counting_toy.CountingToyModel.forward
    monkeypatch.setattr(counting_toy.CountingToyModel, 'forward', forward)
    forget_result(folder)
    rows = execute(run, str(folder), keep_checkpoints=True)
    assert [row['epoch'] for row in rows] == [2, 4, 3]


def test_damaged_checkpoint_is_said(config, tmp_path):
    folder = tmp_path / 'run'
    execute(make_run(config, fault='crash'), str(folder), True)
    (folder / 'epoch_2.pth').write_bytes(b'half')
    (folder / 'attempt.json').unlink()
    (folder / 'rows.json').unlink()
    rows = execute(make_run(config), str(folder), True)
    reason = 'epoch_2.pth is not a complete checkpoint: started anew'
    assert [row['reason'] for row in rows] == [reason] * 3
    assert [row['epoch'] for row in rows] == [2, 4, 3]
    assert (folder / 'epoch_2.pth.unusable').read_bytes() == b'half'


def test_damaged_history_and_planted_link(config, tmp_path):
    """The run starts anew, and does not write through the link."""
    folder, text = tmp_path / 'run', tmp_path / 'text'
    execute(make_run(config, fault='crash'), str(folder), True)
    text.write_text('{"half')
    for name in ('attempt.json', 'rows.json', 'error.txt'):
        (folder / name).unlink()
    (folder / 'target_history.json').unlink()
    for name in ('target_history.json', 'error.txt'):
        (folder / name).symlink_to(text)
    rows = execute(make_run(config), str(folder), True)
    assert [row['epoch'] for row in rows] == [2, 4, 3]
    assert 'started anew' in rows[0]['reason']
    forget_result(folder)
    (folder / 'epoch_4.pth').unlink()
    execute(make_run(config, fault='crash'), str(folder), True)
    assert text.read_text() == '{"half'


def test_changed_code_starts_in_a_new_folder(config, tmp_path, monkeypatch):
    folder = tmp_path / 'run'
    run = make_run(config, fault='crash')
    execute(run, str(folder), False)
    before = (folder / 'epoch_2.pth').read_bytes()
    for code in ('1', '1', '2'):
        monkeypatch.setattr(execution, 'code_hash', lambda c=code: c)
        forget_result(folder)
        (row,) = execute(run, str(folder), False)
        assert row['state'] == 'failed'
    assert (folder / 'epoch_2.pth').read_bytes() == before
    assert len(list(folder.glob('version_*/epoch_2.pth'))) == 2


def test_result_of_another_config_is_not_taken(config, tmp_path):
    """The config file changed between two commands."""
    other = make_run(config, seed=4)
    folder = tmp_path / 'run'
    rows = execute(other, str(folder), False)
    assert read_result(folder, other) == rows
    assert read_result(folder, make_run(config, seed=5)) is None
    (tmp_path / 'rows.json').write_text('[{"state": "finished"}]')
    with pytest.raises(ValueError, match=r'rows\.json does not contain'):
        read_result(tmp_path, other)


def test_second_process_waits_and_returns_the_same(config, tmp_path):
    folder = tmp_path / 'run'
    folder.mkdir()
    other = [dict(make_run(config).identity, state='failed')]
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
        (folder / 'rows.json').write_text(json.dumps(other))
    thread.join(10)
    assert results == [other]
