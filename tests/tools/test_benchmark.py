# Copyright (c) mmgmp authors.
"""tools/benchmark.py: from a plan to a table, with kills and failures."""

import os
import runpy
import signal
import sys
from pathlib import Path

import pytest
from mmengine.logging import MMLogger

from mmgmp.benchmark import scheduler
from mmgmp.benchmark.execution import execute
from mmgmp.benchmark.store import ResultsStore

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/benchmark.py'
ENV = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}


@pytest.fixture
def main(monkeypatch):
    """The tool, with its runs executed one by one in this process."""
    tool = runpy.run_path(str(TOOL))['main']

    def run_all(runs, slots, report, folder, keep_checkpoints):
        for run, work_dir in runs:
            report(run, execute(run, str(work_dir), keep_checkpoints))

    monkeypatch.setattr(scheduler, 'run_all', run_all)

    def main(*arguments):
        monkeypatch.setattr(sys, 'argv', ['benchmark.py', *arguments])
        handler = signal.getsignal(signal.SIGTERM)
        try:
            return tool()
        finally:
            signal.signal(signal.SIGTERM, handler)

    main.globals = vars(scheduler)
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


def test_fresh_runs_leave_the_stored_rows(main, write_plan, folder, capsys):
    """Each fresh run is made once, in a folder of its own."""
    plan = write_plan((0,), Base={}, Other=dict(seconds=0.001))
    run_all, made = main.globals['run_all'], []

    def counted(runs, slots, report, jobs, *arguments):
        made.extend(work_dir for _, work_dir in runs)
        run_all(runs, slots, report, jobs, *arguments)

    main.globals['run_all'] = counted
    assert main(plan) == 0
    assert 'stored' not in capsys.readouterr().out
    rows = (folder / 'rows.csv').read_bytes()

    made.clear()
    assert main(plan) == 0
    printed = capsys.readouterr().out
    assert 'results of 2 runs are rows stored in rows.csv by mmgmp' in printed
    assert 'nothing is run' in printed
    assert 'in work_dirs/benchmark/fresh: --fresh' in printed
    assert not made

    sweep = ('--sweep', 'optim_wrapper.optimizer.lr=0.5')
    assert main(plan, '--fresh', '--dry-run', *sweep) == 0
    assert '3 runs, 3 of them to do' in capsys.readouterr().out
    fresh = folder / 'work_dirs/benchmark/fresh'
    assert not fresh.exists()

    # It stops after one run, and the same command does the other.
    def interrupted(runs, *arguments):
        counted(runs[:1], *arguments)
        raise KeyboardInterrupt

    main.globals['run_all'] = interrupted
    assert main(plan, '--fresh') == 130
    main.globals['run_all'] = counted
    capsys.readouterr()
    assert main(plan, '--fresh') == 0
    printed = capsys.readouterr().out
    assert '2 runs, 1 of them to do' in printed
    assert 'results of 1 run are rows' in printed
    assert 'they are not repeated' in printed
    assert len({*made}) == len(made) == 2
    assert all((folder / x).is_relative_to(fresh / 'runs') for x in made)
    assert len(ResultsStore(fresh / 'rows.csv').states()) == 2
    assert (fresh / 'plan/source.md').is_file()
    assert (folder / 'rows.csv').read_bytes() == rows


@pytest.mark.parametrize('text', ['a.b', '=1', 'a.b=', 'a.b= '])
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


def test_mistakes_are_found_before_the_first_run(
    main, write_plan, folder, capsys
):
    plan = write_plan(Base={}, Last=dict(speed=3))
    for arguments in ([], ['--dry-run']):
        with pytest.raises(SystemExit) as stopped:
            main(plan, *arguments)
        assert stopped.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f'error: {plan}: Last, target cartoon: override' in line
        assert "no argument 'speed'" in line
    assert not (folder / 'work_dirs').exists()


def test_read_only_results(main, write_plan, folder, capsys):
    (folder / 'rows.csv').symlink_to('nowhere')
    with pytest.raises(SystemExit):
        main(write_plan(Base={}))
    assert 'error: results file rows.csv is a link' in capsys.readouterr().err
    assert not (folder / 'work_dirs').exists()


def test_sweep_with_a_value_twice(main, write_plan, capsys):
    key = 'optim_wrapper.optimizer.lr'
    plan = write_plan(Base={}, Other=dict(seconds=0.001))
    for sweep in ([f'{key}=0.1,1e-1'], [f'{key}=1', f'{key}=2']):
        with pytest.raises(SystemExit):
            main(plan, '--dry-run', '--sweep', *sweep)
        assert 'twice' in capsys.readouterr().err


def test_interruption(main, write_plan, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    main.globals['run_all'] = interrupted
    assert main(write_plan(Base={})) == 130
    assert 'run the same command again' in capsys.readouterr().out
