# Copyright (c) mmgmp authors.
"""The command line of tools/analysis_tools/plot_ratios.py."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/analysis_tools/plot_ratios.py'


def write_run(work_dir, **keys):
    file = work_dir / '20250101_000000' / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    lines = [json.dumps(dict(keys, iter=i, step=i)) for i in (10, 20)]
    file.write_text('\n'.join(lines))
    return file


@pytest.fixture
def runs(tmp_path):
    base = {f'semantic_confidence.{m}': 0.3 for m in ('video', 'audio')}
    gmp = {'gmp/rho.video': 0.8, 'gmp/rho.audio': 1.25}
    write_run(tmp_path / 'base', **base)
    return [
        str(tmp_path / 'base'),
        str(write_run(tmp_path / 'gmp', **gmp)),
    ]


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location('plot_ratios', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def main(tool, monkeypatch):
    def run(*args):
        monkeypatch.setattr(sys, 'argv', ['plot_ratios.py', *args])
        tool.main()

    return run


def test_in_a_process_of_its_own(tmp_path, runs):
    out = tmp_path / 'plots' / 'ratios.png'
    args = [*runs, '--labels', 'Base', 'GMP', '--out', str(out)]
    done = subprocess.run(
        [sys.executable, str(TOOL), *args, '--smooth', '2'],
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f'wrote {out}\n'
    assert out.read_bytes().startswith(b'\x89PNG')


def test_labels_default_to_the_work_dirs(runs, tool, main, monkeypatch):
    labels = []
    monkeypatch.setattr(
        tool,
        'plot_ratios',
        lambda curves, out, smooth: labels.extend(curves),
    )
    main(*runs)
    assert labels == ['base', 'gmp']


@pytest.mark.parametrize(
    ('extra', 'message'),
    [
        (['--labels', 'Base'], '`--labels` has 1 labels'),
        (['--labels', 'Base', 'Base'], 'two runs have the same label'),
        (['--smooth', '0'], '`smooth` must be at least 1'),
        (['--out', 'ratios.gif'], '`out` must end in'),
    ],
)
def test_wrong_arguments(runs, main, capsys, extra, message):
    with pytest.raises(SystemExit) as stopped:
        main(*runs, *extra)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_runs_without_ratios_or_log(tmp_path, main, capsys):
    file = write_run(tmp_path / 'erm', loss_cls=1.0)
    with pytest.raises(SystemExit):
        main(str(file))
    error = capsys.readouterr().err
    assert f'{file} has no discrepancy ratios' in error
    assert 'loss_cls' in error
    with pytest.raises(SystemExit):
        main(str(tmp_path / 'nowhere'))
    assert 'nowhere does not exist' in capsys.readouterr().err
