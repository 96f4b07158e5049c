# Copyright (c) mmgmp authors.
"""Runs in slots, their failures and their interruption.

For Slurm, submitit's own executor runs against four fake commands: `sbatch`
starts the batch file of submitit on this machine, `srun` the command in it,
and `sacct` knows no job, so a job has ended when its result exists.
"""

import json
import os
import time
from pathlib import Path

import pytest

from mmgmp.benchmark import scheduler
from mmgmp.benchmark.scheduler import (
    Slots,
    forget_failures,
    run_all,
    usable_cores,
)
from tests.benchmark.toy_plan import make_run, write_config

ROOT = Path(__file__).parents[2]
SCRIPTS = dict(
    sbatch="""
cp "$1" {folder}/batch.sh
SLURM_JOB_ID=77 bash "$1" > {folder}/out.txt 2>&1 &
echo 'Submitted batch job 77'
""",
    srun="""
while [[ "$1" != *python* ]]; do shift; done
export SLURM_NTASKS=1 SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_NODEID=0
export SLURM_JOB_NUM_NODES=1 SLURM_JOB_NODELIST=here
exec "$@"
""",
    sacct='echo "JobID|State|NodeList"',
    scancel='exit 0',
)


class FakeJob:
    """A job that ends after a given number of calls of `done`."""

    def __init__(self, log, slot, run):
        self.log, self.slot, self.run = log, slot, run
        self.questions = run.seed

    def done(self):
        self.questions -= 1
        return self.questions <= 0

    def result(self):
        return [dict(seed=self.run.seed)]

    def cancel(self, check):
        self.log.append(('cancel', self.run.seed))


@pytest.fixture
def log(monkeypatch):
    log = []
    monkeypatch.setattr(scheduler, 'POLL_SECONDS', 0)

    def submit(self, slot, folder, run, work_dir, keep_checkpoints):
        log.append(('start', slot, run.seed, work_dir, keep_checkpoints))
        return FakeJob(log, slot, run)

    monkeypatch.setattr(Slots, 'submit', submit)
    return log


def test_a_free_slot_gets_the_next_run(log, tmp_path):
    runs = [(make_run('', seed=n), f'dir{n}') for n in (3, 1, 4)]
    run_all(
        runs,
        Slots(2),
        lambda run, rows: log.append(('end', run.seed, rows)),
        tmp_path,
        keep_checkpoints=True,
    )
    assert log == [
        ('start', 0, 3, 'dir3', True),
        ('start', 1, 1, 'dir1', True),
        ('end', 1, [dict(seed=1)]),
        ('start', 1, 4, 'dir4', True),
        ('end', 3, [dict(seed=3)]),
        ('end', 4, [dict(seed=4)]),
    ]


def test_interruption_cancels_running_jobs(log, tmp_path):
    def interrupt(run, rows):
        raise KeyboardInterrupt

    runs = [(make_run('', seed=n), '') for n in (5, 1, 9)]
    with pytest.raises(KeyboardInterrupt):
        run_all(runs, Slots(2), interrupt, tmp_path)
    assert log[2:] == [('cancel', 5)]


@pytest.mark.parametrize('slot', [0, 1, 2, 3])
def test_local_runs_share_the_gpus_in_turn(monkeypatch, tmp_path, slot):
    seen = {}

    class FakeExecutor:
        def __init__(self, folder, cluster):
            seen.update(folder=folder, cluster=cluster)

        def update_parameters(self, **parameters):
            seen.update(parameters)

        def submit(self, function, *arguments):
            seen.update(function=function, arguments=arguments)

    monkeypatch.setattr('submitit.AutoExecutor', FakeExecutor)
    Slots(4, gpus=(3, 7)).submit(slot, tmp_path, 'run', 'dir', False)
    assert seen.pop('timeout_min') > 60 * 24
    assert seen == dict(
        folder=tmp_path,
        cluster='local',
        gpus_per_node=1,
        visible_gpus=[(3, 7)[slot % 2]],
        function=scheduler.execute,
        arguments=('run', 'dir', False),
    )
    seen.clear()
    options = (('slurm_partition', 'long'), ('timeout_min', 9))
    Slots(4, (3, 7), 'slurm', options).submit(slot, tmp_path)
    del seen['folder'], seen['function'], seen['arguments']
    assert seen == dict(cluster='slurm', slurm_partition='long', timeout_min=9)


@pytest.mark.slow
def test_killed_run_is_a_failure(tmp_path, monkeypatch):
    """Of two separate processes, one is killed and the other ends."""
    config = write_config(tmp_path)
    monkeypatch.setenv('PYTHONPATH', str(ROOT))
    runs = [
        (make_run(config, 0, fault='die'), tmp_path / 'die'),
        (make_run(config, 1), tmp_path / 'live'),
    ]
    ended = {}
    start = time.perf_counter()
    run_all(
        runs,
        Slots(2),
        lambda run, rows: ended.update({run.seed: rows}),
        tmp_path / 'jobs',
    )
    assert time.perf_counter() - start < 120
    (row,) = ended[0]
    assert row['state'] == 'failed'
    assert row['reason'].startswith('ended without a result')
    assert runs[0][0].identity.items() <= row.items()
    assert [row['state'] for row in ended[1]] == ['finished'] * 3
    # It can go on from here.
    assert (tmp_path / 'die/epoch_2.pth').is_file()
    assert not list((tmp_path / 'live').glob('*.pth'))


def test_usable_cores():
    assert 1 <= usable_cores() <= os.cpu_count()


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Folder of the fake commands; `batch.sh` in it is the last batch file."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    for name, text in SCRIPTS.items():
        path = folder / name
        path.write_text('#!/bin/bash\n' + text.format(folder=folder))
        path.chmod(0o755)
    monkeypatch.setenv('PATH', f'{folder}:{os.environ["PATH"]}')
    monkeypatch.setenv('PYTHONPATH', str(ROOT))
    return folder


def test_run_on_slurm(slurm, tmp_path):
    run = make_run(write_config(tmp_path), seed=4)
    options = dict(slurm_partition='long', gpus_per_node=1, timeout_min=90)
    ended = []
    run_all(
        [(run, tmp_path / 'run')],
        Slots(1, cluster='slurm', parameters=tuple(options.items())),
        lambda run, rows: ended.append((run, rows)),
        tmp_path / 'jobs',
    )
    ((ended_run, rows),) = ended
    assert ended_run == run
    assert [row['state'] for row in rows] == ['finished'] * 3
    assert {row['seed'] for row in rows} == {4}
    batch = (slurm / 'batch.sh').read_text()
    for line in ('partition=long', 'gpus-per-node=1', 'time=90'):
        assert f'#SBATCH --{line}\n' in batch


def test_result_that_could_not_be_sent_is_read(log, tmp_path, monkeypatch):
    """The disk was full when submitit wrote its file."""
    run = make_run(write_config(tmp_path), seed=1)
    rows = [dict(run.identity, state='finished')]
    (tmp_path / 'rows.json').write_text(json.dumps(rows))

    def result(self):
        raise EOFError

    monkeypatch.setattr(FakeJob, 'result', result)
    ended = []
    run_all(
        [(run, tmp_path)],
        Slots(1),
        lambda run, rows: ended.append(rows),
        tmp_path,
    )
    assert ended == [rows]


def test_only_failures_are_forgotten(tmp_path):
    config = write_config(tmp_path)
    runs = []
    for seed, state in enumerate(('failed', 'finished')):
        run, folder = make_run(config, seed), tmp_path / state
        folder.mkdir()
        rows = [dict(run.identity, state=state)]
        (folder / 'rows.json').write_text(json.dumps(rows))
        (folder / 'epoch_2.pth').touch()
        runs.append((run, folder))
    forget_failures([*runs, (make_run(config, 2), tmp_path / 'none')])
    left = {str(p.relative_to(tmp_path)) for p in tmp_path.glob('*/*')}
    assert left == {
        'failed/epoch_2.pth',
        'finished/epoch_2.pth',
        'finished/rows.json',
    }
