# Copyright (c) mmgmp authors.
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import submitit

from .execute import execute, failure
from .fingerprint import code_version
from .run import Run

POLL_SECONDS = 0.5
CANCEL_SECONDS = 10
# What submitit's local executor would end a job at; days, for long trainings.
LOCAL_TIMEOUT_MINUTES = 60 * 24 * 30


@dataclass(frozen=True)
class Slots:
    """Where runs go: so many at a time, by submitit's executor.

    Attributes:
        number: Runs at the same time.
        gpus: Indices of the GPUs that local runs share in turn; none for CPU.
        cluster: 'local', 'slurm' or 'debug', as submitit names them.
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
            slot: Number of the slot, from 0.
            folder: Folder of submitit's own files.
            *arguments: Those of :func:`execute`.

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


def run_all(
    runs: Iterable[tuple[Run, Path]],
    slots: Slots,
    report: Callable[[Run, list[dict]], None],
    folder: Path,
    keep_checkpoints: bool = False,
) -> None:
    """Run everything, as many at a time as there are slots.

    A run that dies without a result (killed, out of memory) is reported as
    failed with what it last wrote to its error stream. When this function is
    interrupted, the running jobs are cancelled; they count as not run.

    Args:
        runs: Runs and their work dirs, in the order of their start.
        slots: Where they go.
        report: Called with each run and its rows as it ends.
        folder: Folder of submitit's own files.
        keep_checkpoints: Whether checkpoints stay after a run.
    """
    waiting = list(reversed(list(runs)))
    jobs: dict[int, tuple[Run, submitit.Job]] = {}
    try:
        while waiting or jobs:
            for slot in range(slots.number):
                if slot not in jobs and waiting:
                    run, work_dir = waiting.pop()
                    job = slots.submit(
                        slot, folder, run, str(work_dir), keep_checkpoints
                    )
                    jobs[slot] = run, job
            for slot, (run, job) in list(jobs.items()):
                if job.done():
                    del jobs[slot]
                    report(run, _rows(run, job))
            time.sleep(POLL_SECONDS)
    finally:
        _cancel([job for _, job in jobs.values()])


def _cancel(jobs: list[submitit.Job]) -> None:
    """End jobs, and wait a while for their ends."""
    for job in jobs:
        job.cancel(check=False)
    deadline = time.monotonic() + CANCEL_SECONDS
    while time.monotonic() < deadline and not all(j.done() for j in jobs):
        time.sleep(POLL_SECONDS)


def _rows(run: Run, job: submitit.Job) -> list[dict]:
    """Rows of a job that has ended, with or without a result."""
    try:
        return job.result()
    except (
        submitit.core.utils.UncompletedJobError,
        submitit.core.utils.FailedJobError,
    ) as error:
        lines = (job.stderr() or str(error)).strip().splitlines()
        reason = f'ended without a result; last words: {lines[-1:]}'
        row = dict(run.identity(), **failure(reason))
        return [dict(row, code_version=code_version())]


def usable_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0))
