# Copyright (c) mmgmp authors.
"""Runs in slots, their failures, and an interruption of all of them."""

import os
import time

import pytest

from mmgmp.benchmark import scheduler
from mmgmp.benchmark.scheduler import Slots, run_all, usable_cores
from tests.benchmark.toy_plan import make_run, write_config


class FakeJob:
    """A job that ends after it was asked a number of times."""

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


def test_a_free_slot_takes_the_next_run(log, tmp_path):
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


def test_interruption_cancels_what_runs(log, tmp_path):
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
    """In processes of their own: one is killed, the other ends."""
    config = write_config(tmp_path)
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    monkeypatch.setenv('PYTHONPATH', root)
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
    assert runs[0][0].identity().items() <= row.items()
    assert [row['state'] for row in ended[1]] == ['finished'] * 3


def test_usable_cores():
    assert 1 <= usable_cores() <= os.cpu_count()
