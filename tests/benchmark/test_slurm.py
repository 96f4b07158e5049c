# Copyright (c) mmgmp authors.
"""Runs on a cluster: submitit's own Slurm executor, a stand-in for Slurm.

The stand-in is four scripts on the path: `sbatch` starts the batch file that
submitit wrote on this machine, `srun` the command in it, and `sacct` knows
nothing, so that a job has ended when its result is there.
"""

import os
from pathlib import Path

import pytest

from mmgmp.benchmark.scheduler import Slots, run_all
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


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Folder in which the last batch file is `batch.sh`."""
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
