"""The launcher scripts pass on their arguments."""

import os
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / 'tools'
REST = ['--work-dir', 'a b', '--cfg-options', 'x=1']


def run_script(name: str, *args: str, **env: str):
    return subprocess.run(
        [TOOLS / name, *args],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=20,
    )


@pytest.fixture
def show(tmp_path) -> str:
    """A program that prints its arguments, one per line."""
    program = tmp_path / 'srun'
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    'name, args',
    [('train', ['config.py']), ('test', ['config.py', 'epoch_1.pth'])],
)
def test_dist(name, args, show):
    script = f'dist_{name}.sh'
    result = run_script(script, *args, '2', *REST, PYTHON=show, PORT='1234')
    lines = result.stdout.splitlines()
    assert lines[:2] == ['-m', 'torch.distributed.run']
    assert {'--nproc_per_node=2', '--master_port=1234'} <= set(lines)
    script = [str(TOOLS / f'{name}.py'), *args, '--launcher', 'pytorch']
    assert lines[-len(script + REST) :] == script + REST


@pytest.mark.parametrize(
    'name, args',
    [('train', ['config.py']), ('test', ['config.py', 'epoch_1.pth'])],
)
def test_slurm(name, args, show):
    result = run_script(
        f'slurm_{name}.sh',
        'partition',
        'job',
        *args,
        *REST,
        PATH=f'{Path(show).parent}:{os.environ["PATH"]}',
        SRUN_ARGS='--exclude node1',
        GPUS='16',
    )
    lines = result.stdout.splitlines()
    assert {'--ntasks=16', '--job-name=job', '--exclude'} <= set(lines)
    script = ['python', '-u', str(TOOLS / f'{name}.py'), *args]
    script += ['--launcher', 'slurm']
    assert lines[-len(script + REST) :] == script + REST


@pytest.mark.parametrize('script', sorted(TOOLS.glob('*.sh')), ids=str)
def test_usage(script):
    result = run_script(script.name, 'config.py')
    assert result.returncode == 2
    assert 'Usage' in result.stderr


@pytest.mark.parametrize('processes', ['two', '0', '-1', '1.5', ''])
@pytest.mark.parametrize('name', ['train', 'test'])
def test_number_of_processes(name, processes, show):
    args = ['config.py'] if name == 'train' else ['config.py', 'a.pth']
    result = run_script(f'dist_{name}.sh', *args, processes, PYTHON=show)
    assert result.returncode == 2 and not result.stdout
    assert result.stderr == (
        f'dist_{name}.sh: error: PROCESSES must be a number from 1, got '
        f"'{processes}'\n"
    )
