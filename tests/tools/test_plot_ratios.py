# Copyright (c) mmgmp authors.
"""The command line of tools/analysis_tools/plot_ratios.py."""

import json
import os
import subprocess
import sys

import pytest

from tests.utils.figure_tools import FOLDER, caller, load_tool, write_run

ROOT = FOLDER.parents[1]
TOOL = FOLDER / 'plot_ratios.py'


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
def tool(monkeypatch):
    return load_tool('plot_ratios', monkeypatch)


@pytest.fixture
def main(tool, monkeypatch):
    return caller(tool, monkeypatch)


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


@pytest.fixture
def plotted(tool, monkeypatch):
    """Label -> runs of the last call."""
    labels = {}
    monkeypatch.setattr(
        tool, 'plot_ratios', lambda runs, out, smooth: labels.update(runs)
    )
    return labels


def test_labels_default_to_the_work_dirs(runs, main, plotted):
    main(*runs)
    assert list(plotted) == ['base', 'gmp']


def test_runs_of_one_label_belong_together(tmp_path, runs, main, plotted):
    keys = {'gmp/rho.video': 0.5, 'gmp/rho.audio': 2}
    seed = str(write_run(tmp_path / 'seed_1' / 'gmp', **keys))
    main(*runs, seed, '--labels', 'Base', 'GMP', 'GMP')
    assert {label: list(r) for label, r in plotted.items()} == {
        'Base': runs[:1],
        'GMP': [runs[1], seed],
    }
    values = [r['rho']['video'][1][0] for r in plotted['GMP'].values()]
    assert values == [0.8, 0.5]


def test_run_that_stopped_early_is_named(tmp_path, runs, main, capsys):
    file = write_run(tmp_path / 'short', **{'gmp/rho.video': 1})
    file.write_text(file.read_text().splitlines()[0])
    with pytest.raises(SystemExit):
        main(runs[1], str(file), '--labels', 'GMP', 'GMP')
    error = capsys.readouterr().err
    assert f'run {file} has the curves' in error
    keys = {'gmp/rho.video': 1, 'gmp/rho.audio': 1}
    file.write_text(json.dumps(dict(keys, iter=10, step=10)))
    with pytest.raises(SystemExit):
        main(runs[1], str(file), '--labels', 'GMP', 'GMP')
    error = capsys.readouterr().err
    assert f'run {file} has 1 logged iterations from 10 to 10' in error


def test_run_given_twice_and_equal_folder_names(tmp_path, runs, main, capsys):
    with pytest.raises(SystemExit):
        main(*runs, runs[0], '--labels', 'A', 'B', 'C')
    assert 'a run is given twice' in capsys.readouterr().err
    write_run(tmp_path / 'other' / 'base', loss_cls=1)
    with pytest.raises(SystemExit):
        main(*runs, str(tmp_path / 'other' / 'base'))
    assert 'two runs have the same folder name' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('extra', 'message'),
    [
        (['--labels', 'Base'], '`--labels` has 1 labels'),
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
