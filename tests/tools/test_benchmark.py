# Copyright (c) mmgmp authors.
"""tools/benchmark.py: from a plan to a table, with kills and failures."""

import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from mmengine.logging import MMLogger

from mmgmp.benchmark.execution import execute
from mmgmp.benchmark.store import ResultsStore
from tests.benchmark.toy_plan import write_config

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/benchmark.py'
ENV = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Working directory of the tool."""
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write_plan(folder):
    def write_plan(seeds=(0, 1), **models):
        config = write_config(folder)
        methods = {
            label: dict(
                config=config,
                overrides={f'model.{k}': v for k, v in model.items()},
            )
            for label, model in models.items()
        }
        plan = dict(
            results='rows.csv',
            targets=dict(cartoon={}),
            seeds=list(seeds),
            baseline=next(iter(models)),
            methods=methods,
        )
        path = folder / 'plan.yml'
        path.write_text(yaml.safe_dump(plan, sort_keys=False))
        return str(path)

    return write_plan


@pytest.fixture
def main(monkeypatch):
    """The tool, with its runs executed one by one in this process."""
    tool = runpy.run_path(str(TOOL))['main']

    def run_all(runs, slots, report, folder, keep_checkpoints):
        for run, work_dir in runs:
            report(run, execute(run, str(work_dir), keep_checkpoints))

    tool.__globals__['run_all'] = run_all

    def main(*arguments):
        monkeypatch.setattr(sys, 'argv', ['benchmark.py', *arguments])
        handler = signal.getsignal(signal.SIGTERM)
        try:
            return tool()
        finally:
            signal.signal(signal.SIGTERM, handler)

    main.globals = tool.__globals__
    yield main
    # The loggers write to the output of this test, which closes now.
    for logger in MMLogger._instance_dict.values():
        logger.handlers.clear()


def test_plan_to_table(main, write_plan, folder, capsys):
    plan = write_plan(Base={}, Same=dict(seconds=0.001))
    assert main(plan) == 0
    printed = capsys.readouterr().out
    assert 'plan: 4 runs, 4 of them to do' in printed
    assert '[4/4] Same, cartoon, seed 1: 25.0 % on the target' in printed
    # Equal accuracies have a difference of exactly zero.
    row = next(x for x in printed.splitlines() if x.startswith('| Same'))
    cells = [cell.strip() for cell in row.strip('|').split('|')]
    assert cells[1:6] == [
        '25.0 ± 0.0',
        '25.0 ± 0.0 [25.0, 25.0]',
        '0.0 [0.0, 0.0]',
        '1.000',
        '1.5',
    ]
    tables = folder / 'work_dirs/benchmark/plan'
    for rule, accuracy in dict(source=25, last=75, oracle=75).items():
        for suffix in ('md', 'tex', 'csv'):
            text = (tables / f'{rule}.{suffix}').read_text()
            number = accuracy / 100 if suffix == 'csv' else accuracy
            assert f'{number:.2f}'[:4] in text
    assert (tables / 'accuracy.png').stat().st_size > 1000
    # Nothing is left to do, and the table is the same.
    assert main(plan) == 0
    again = capsys.readouterr().out
    assert '4 runs, 0 of them to do' in again
    assert row in again


def test_dry_run(main, write_plan, folder, capsys):
    plan = write_plan(Base={}, Other=dict(seconds=0.001))
    sweep = ('--sweep', 'optim_wrapper.optimizer.lr=1.0,2')
    assert main(plan, *sweep, '--dry-run') == 0
    lines = capsys.readouterr().out.splitlines()
    # lr=1.0 of the sweep is the default of the method.
    assert lines[0].startswith('plan: 8 runs, 6 of them to do')
    assert sum("'optim_wrapper.optimizer.lr': 2" in x for x in lines) == 2
    assert not any('Base, lr' in line for line in lines)
    assert not (folder / 'work_dirs').exists()
    assert not (folder / 'rows.csv').exists()


@pytest.mark.parametrize('text', ['a.b', '=1', 'a.b='])
def test_invalid_sweep(main, write_plan, text, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(write_plan(Base={}), '--sweep', text)
    assert stopped.value.code == 2
    assert 'error: --sweep takes KEY=V1,V2' in capsys.readouterr().err


def test_failures_show_and_are_tried_again(main, write_plan, folder, capsys):
    bad = {'Base': {}, 'Bad': dict(fault='crash')}
    plan = write_plan(**bad)
    assert main(plan) == 1
    printed = capsys.readouterr().out
    reason = 'RuntimeError: the toy crashed, as it was told to'
    assert f'Bad, cartoon, seed 1: FAILED: {reason}' in printed
    assert 'Failed: Bad, target cartoon, seed 0: ' + reason in printed
    assert '(0/2)' in printed
    assert '--retry-failed' in printed
    # They are not repeated without the flag.
    assert main(plan) == 1
    assert '0 of them to do' in capsys.readouterr().out
    calls = []
    run_all = main.globals['run_all']

    def counted(runs, *arguments):
        calls.extend(run.name for run, _ in runs)
        run_all(runs, *arguments)

    main.globals['run_all'] = counted
    assert main(plan, '--retry-failed') == 1
    assert calls == ['Bad, cartoon, seed 0', 'Bad, cartoon, seed 1']


def test_results_that_were_not_stored(main, write_plan, folder, capsys):
    """A kill between the end of a run and its storage leaves them."""
    plan = write_plan(Base={})
    main(plan)
    rows = ResultsStore(folder / 'rows.csv').read()
    (folder / 'rows.csv').unlink()
    capsys.readouterr()
    assert main(plan) == 0
    assert '2 runs, 0 of them to do' in capsys.readouterr().out
    assert ResultsStore(folder / 'rows.csv').read().equals(rows)


def test_interruption(main, write_plan, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    main.globals['run_all'] = interrupted
    assert main(write_plan(Base={})) == 130
    assert 'run the same command again' in capsys.readouterr().out


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
