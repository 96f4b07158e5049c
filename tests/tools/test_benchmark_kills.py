# Copyright (c) mmgmp authors.
"""tools/benchmark.py in a process of its own: kills and Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmgmp.benchmark.store import ResultsStore

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/benchmark.py'
ENV = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}


@pytest.mark.slow
def test_killed_in_the_middle(write_plan, folder):
    """The jobs of the killed process live on; no run is repeated."""
    plan = write_plan(seeds=(0, 1, 2), Base=dict(seconds=1))
    command = [sys.executable, str(TOOL), plan, '--slots', '2']
    process = subprocess.Popen(command, env=ENV, start_new_session=True)
    store = ResultsStore(folder / 'rows.csv')
    deadline = time.time() + 120
    while not store.states() and time.time() < deadline:
        time.sleep(0.1)
    process.kill()
    process.wait()
    before = store.read()
    assert 3 <= len(before) < 9
    started = {p: p.stat().st_mtime_ns for p in folder.rglob('summary.json')}
    result = subprocess.run(
        command, env=ENV, capture_output=True, text=True, timeout=180
    )
    assert result.returncode == 0, result.stderr
    assert '3 runs, 3 of them to do' not in result.stdout
    for path, time_of_end in started.items():
        assert path.stat().st_mtime_ns == time_of_end
    rows = store.read()
    assert len(rows) == 9
    keys = ['config_hash', 'seed', 'selection']
    joined = before.merge(rows, on=keys, suffixes=('', '_after'))
    assert len(joined) == len(before)
    assert (joined['seconds'] == joined['seconds_after']).all()
    accuracy = rows.groupby('selection')['target/acc/all/fused/top1']
    assert accuracy.agg(['min', 'max', 'count']).to_dict('index') == dict(
        source=dict(min=0.25, max=0.25, count=3),
        last=dict(min=0.75, max=0.75, count=3),
        oracle=dict(min=0.75, max=0.75, count=3),
    )


def processes_of(session):
    """Command lines of the running processes of a session."""
    found = []
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            state, _, _, owner = (
                (folder / 'stat').read_text().rpartition(')')[2].split()[:4]
            )
            if int(owner) == session and state != 'Z':
                found.append((folder / 'cmdline').read_text())
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_interrupt_stops_all_runs(write_plan, folder):
    plan = write_plan(seeds=[0], Base=dict(seconds=60))
    process = subprocess.Popen(
        [sys.executable, str(TOOL), plan],
        env=ENV,
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
        # Like a background process of a shell.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        deadline = time.time() + 120
        while not list(folder.rglob('*.log')) and time.time() < deadline:
            time.sleep(0.1)
        assert len(processes_of(process.pid)) >= 3
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 130
        assert 'run the same command again' in output
        assert processes_of(process.pid) == []
        assert not (folder / 'rows.csv').exists()
    finally:
        for command in processes_of(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError(f'still running: {command}')


@pytest.mark.slow
def test_smoke_of_the_published_plan(folder):
    result = subprocess.run(
        [
            sys.executable,
            str(TOOL),
            'configs/benchmark/mini_hac.yml',
            '--smoke',
            '--slots',
            '2',
        ],
        env=ENV,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert 'mini_hac-smoke: 4 runs, 4 of them to do' in result.stdout
    rows = ResultsStore(
        folder / 'work_dirs/benchmark/mini_hac-smoke/results.csv'
    ).read()
    assert len(rows) == 12
    assert set(rows['state']) == {'finished'}
    assert '| GMP' in result.stdout
    assert not (folder / 'docs').exists()
