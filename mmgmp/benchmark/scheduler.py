# Copyright (c) mmgmp authors.
"""Start the runs of a plan, several at a time, and store what they return."""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import submitit

from .execution import (
    code_version,
    execute,
    failed_row,
    forget_result,
    read_result,
)
from .plan import Plan
from .run import Run
from .selection import TARGET_METRIC
from .store import ResultsStore

POLL_SECONDS = 0.5
CANCEL_SECONDS = 10
# submitit's local executor ends a job after this time: 30 days.
LOCAL_TIMEOUT_MINUTES = 60 * 24 * 30


@dataclass(frozen=True)
class Slots:
    """Slots in which an executor of submitit starts runs.

    Attributes:
        number: Maximum number of runs at the same time.
        gpus: Indices of the GPUs that local runs share in turn; empty for
            CPUs.
        cluster: Executor of submitit: 'local', 'slurm' or 'debug'.
        parameters: Parameters of the executor, such as ``slurm_partition``.
    """

    number: int
    gpus: tuple[int, ...] = ()
    cluster: str = 'local'
    parameters: tuple[tuple[str, object], ...] = ()

    def submit(
        self, slot: int, folder: Path, *arguments: object
    ) -> submitit.Job:
        """Start :func:`execute` in a slot.

        Args:
            slot: Index of the slot, from 0.
            folder: Folder for the files of submitit.
            *arguments: Arguments of :func:`execute`.

        Returns:
            The job.
        """
        executor = submitit.AutoExecutor(folder, cluster=self.cluster)
        parameters = dict(self.parameters)
        if self.cluster == 'local':
            parameters.setdefault('timeout_min', LOCAL_TIMEOUT_MINUTES)
            if self.gpus:
                gpu = self.gpus[slot % len(self.gpus)]
                parameters.update(gpus_per_node=1, visible_gpus=[gpu])
        executor.update_parameters(**parameters)
        return executor.submit(execute, *arguments)


class Progress:
    """Store the rows of each run that ends, and print the remaining time.

    Args:
        store: Where the rows go.
        total: Number of runs.
    """

    def __init__(self, store: ResultsStore, total: int) -> None:
        self.store = store
        self.total = total
        self.done = 0
        self.start = time.perf_counter()

    def __call__(self, run: Run, rows: list[dict]) -> None:
        """Process the rows of a run that has ended."""
        self.store.add(rows)
        self.done += 1
        row = rows[0]
        text = f'FAILED: {row["reason"]}'
        if row['state'] == 'finished':
            text = f'{100 * row[TARGET_METRIC]:.1f} % on the target'
            if row['reason']:
                text += f' ({row["reason"]})'
        if row['config_hash'] != run.identity['config_hash']:
            text += '; its config has changed since the plan was read'
        seconds = (time.perf_counter() - self.start) / self.done
        left = timedelta(seconds=round(seconds * (self.total - self.done)))
        print(
            f'[{self.done}/{self.total}] {run.name}: {text}; about {left} '
            'left',
            flush=True,
        )


def missing_runs(
    plan: Plan, store: ResultsStore, root: Path, retry_failed: bool
) -> list[tuple[Run, Path]]:
    """Find the runs of a plan without a stored result, and their work dirs.

    First, it stores the results that ended runs left in their work dirs.

    Args:
        plan: The plan.
        store: Results file of the plan.
        root: Folder for the work dirs of all plans.
        retry_failed: Whether failed runs count as missing.

    Returns:
        Runs and work dirs. If two methods have the same config, they share one
        run per seed.
    """
    states = store.states()
    missing = {}
    for run in plan.runs:
        key = run.identity['config_hash'], run.seed
        name = f'{run.identity["config"]}_{key[0]}'
        work_dir = root / 'runs' / name / f'seed{run.seed}'
        state = states.get(key)
        if state is None and (rows := read_result(work_dir, run)):
            store.add(rows)
            state = states[key] = rows[0]['state']
        if state is None or (state == 'failed' and retry_failed):
            missing[key] = run, work_dir
    return list(missing.values())


def forget_failures(runs: Iterable[tuple[Run, Path]]) -> None:
    """Delete the results of failed runs, so that :func:`execute` runs again.

    The checkpoints remain, and training goes on from the last one. A result
    that another process has stored since remains too.

    Args:
        runs: Runs and their work dirs.
    """
    for run, work_dir in runs:
        rows = read_result(work_dir, run)
        if rows and rows[0]['state'] == 'failed':
            forget_result(work_dir)


def run_all(
    runs: Iterable[tuple[Run, Path]],
    slots: Slots,
    report: Callable[[Run, list[dict]], None],
    folder: Path,
    keep_checkpoints: bool = False,
) -> None:
    """Execute all runs, at most one per slot at a time.

    A run that dies without a result (killed, out of memory) is reported as
    failed, with the last line of its error stream; its checkpoints remain. If
    this function is interrupted, it cancels the running jobs, which remain
    missing.

    Args:
        runs: Runs and their work dirs, in the order in which they start.
        slots: Where the runs execute.
        report: Called with each run and its rows when it ends.
        folder: Folder for the files of submitit.
        keep_checkpoints: Whether to keep the checkpoints of each run.
    """
    waiting = list(reversed(list(runs)))
    jobs: dict[int, tuple[Run, Path, submitit.Job]] = {}
    try:
        while waiting or jobs:
            for slot in range(slots.number):
                if slot not in jobs and waiting:
                    run, work_dir = waiting.pop()
                    job = slots.submit(
                        slot, folder, run, str(work_dir), keep_checkpoints
                    )
                    jobs[slot] = run, work_dir, job
            for slot, (run, work_dir, job) in list(jobs.items()):
                if job.done():
                    del jobs[slot]
                    report(run, _rows(run, work_dir, job))
            time.sleep(POLL_SECONDS)
    finally:
        _cancel([job for _, _, job in jobs.values()])


def usable_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _cancel(jobs: list[submitit.Job]) -> None:
    """Cancel jobs, and wait for a limited time until they have ended."""
    for job in jobs:
        job.cancel(check=False)
    deadline = time.monotonic() + CANCEL_SECONDS
    while time.monotonic() < deadline and not all(j.done() for j in jobs):
        time.sleep(POLL_SECONDS)


def _rows(run: Run, work_dir: Path, job: submitit.Job) -> list[dict]:
    """Get the rows of a job that has ended, with or without a result."""
    try:
        return job.result()
    except Exception as error:
        # Killed, or its result could not be written or read.
        rows = read_result(work_dir, run)
        if rows is not None:
            return rows
        lines = (job.stderr() or str(error)).strip().splitlines()
        reason = f'ended without a result; last line: {lines[-1:]}'
        row = dict(run.identity, **failed_row(reason))
        return [dict(row, code_version=code_version())]
