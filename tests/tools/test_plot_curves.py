# Copyright (c) mmgmp authors.
"""The command line of tools/analysis_tools/plot_curves.py."""

import json
import os
import runpy
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mmgmp import visualization
from tests.utils.figures import legend_texts

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/analysis_tools/plot_curves.py'
MODALITIES = ('video', 'audio')
BOOMDA = {
    'boomda/gamma.video': 0.25,
    'boomda/gamma.audio': 0.75,
    'boomda/ratio': 5.0,
    'boomda/kept': 0.5,
    'boomda/pseudo_accuracy': 0.6,
}
# Options of the figures in the documentation.
RATIOS = (
    *('--keys', 'gmp/rho.*', '--names', r'semantic ratio $\rho$'),
    *('--log', 'gmp/*', '--lines', 'gmp/*=1', '--ratios'),
)
BALANCE = (
    *('--keys', 'boomda/ratio', 'boomda/gamma.*', 'boomda/[kp]*'),
    *('--log', 'boomda/ratio', '--lines', 'boomda/ratio=1'),
    *('--where', 'boomda/pseudo_accuracy=boomda/kept'),
)


def write_run(work_dir, **keys):
    """Log the same scalars at the iterations 10 and 20."""
    file = work_dir / '20250101_000000' / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    lines = [json.dumps(dict(keys, iter=i, step=i)) for i in (10, 20)]
    file.write_text('\n'.join(lines))
    return file


@pytest.fixture
def runs(tmp_path):
    base = {f'semantic_confidence.{m}': 0.3 for m in MODALITIES}
    gmp = {'gmp/rho.video': 0.8, 'gmp/rho.audio': 1.25}
    write_run(tmp_path / 'base', **base)
    return [tmp_path / 'base', write_run(tmp_path / 'gmp', **gmp)]


@pytest.fixture
def main(run_tool, tmp_path, monkeypatch):
    """Return the figure of a call, without writing it."""
    figures = []
    draw = visualization.plot_curves
    monkeypatch.setattr(
        visualization,
        'plot_curves',
        lambda *args, **kwargs: figures.append(draw(*args, **kwargs)),
    )
    monkeypatch.chdir(tmp_path)

    def run(*args):
        run_tool(TOOL, *args)
        return figures.pop()

    return run


@pytest.fixture
def error(run_tool, tmp_path, monkeypatch, capsys):
    """Return the error message of a call."""
    monkeypatch.chdir(tmp_path)

    def run(*args):
        with pytest.raises(SystemExit) as stopped:
            run_tool(TOOL, *args)
        assert stopped.value.code == 2
        return capsys.readouterr().err.splitlines()[-1]

    return run


@pytest.mark.slow
def test_in_a_process_of_its_own(tmp_path, runs):
    out = tmp_path / 'plots' / 'ratios.png'
    done = subprocess.run(
        [
            *(sys.executable, TOOL, *runs, *RATIOS, '--smooth', '2'),
            *('--labels', 'Base', 'GMP', '--out', out),
        ],
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f'wrote {out}\n'
    assert out.read_bytes().startswith(b'\x89PNG')


def test_ratios_of_runs_with_and_without_gmp(runs, main):
    figure = main(*runs, *RATIOS)
    # The labels are the names of the work dirs.
    assert legend_texts(figure) == ['base', 'gmp']
    video, audio = figure.axes
    assert (video.get_title(), audio.get_title()) == MODALITIES
    assert video.get_ylabel() == r'semantic ratio $\rho$'
    for ax, value in ((video, 0.8), (audio, 1.25)):
        assert ax.get_yscale() == 'log'
        lines = [list(line.get_ydata()) for line in ax.lines]
        assert lines == [[1, 1], [1, 1], [value] * 2]


def test_runs_of_one_label_belong_together(tmp_path, runs, main):
    keys = {'gmp/rho.video': 0.2, 'gmp/rho.audio': 5}
    seed = write_run(tmp_path / 'seed_1' / 'gmp', **keys)
    figure = main(
        *(*runs, seed, *RATIOS, '--labels', 'Base', 'GMP', 'GMP'),
    )
    assert legend_texts(figure) == ['Base', 'GMP']
    _, _, mean, low, high = figure.axes[0].lines
    for line, value in ((mean, 0.4), (low, 0.2), (high, 0.8)):
        assert list(line.get_ydata()) == pytest.approx([value] * 2)


def test_figure_of_boomda(tmp_path, main, capsys):
    for seed, kept in enumerate((0.5, 0.7)):
        write_run(tmp_path / f'seed{seed}', **{**BOOMDA, 'boomda/kept': kept})
    file = write_run(tmp_path / 'none', **{**BOOMDA, 'boomda/kept': 0})
    figure = main(
        *(tmp_path / 'seed0', tmp_path / 'seed1', file, *BALANCE),
        *('--labels', 'QP', 'QP', 'none', '--out', 'plots/boomda.pdf'),
    )
    assert capsys.readouterr().out == 'wrote plots/boomda.pdf\n'
    out = tmp_path / 'plots/boomda.pdf'
    assert out.read_bytes().startswith(b'%PDF')
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ['', *MODALITIES, 'kept', 'pseudo_accuracy']
    kept, accuracy = figure.axes[3:]
    lines = [list(line.get_ydata()) for line in kept.lines]
    assert lines[0] == pytest.approx([0.6, 0.6])
    assert lines[1:] == [[0.5, 0.5], [0.7, 0.7], [0, 0]]
    # No sample was kept, so the accuracy has no meaning.
    assert [len(line.get_ydata()) for line in accuracy.lines] == [2, 0]


def test_resumed_run(tmp_path, main):
    write_run(tmp_path, **BOOMDA)
    again = write_run(tmp_path / 'again', **{**BOOMDA, 'boomda/ratio': 7.0})
    again.write_text(again.read_text().splitlines()[1])
    (tmp_path / 'again/20250101_000000').rename(tmp_path / '20250102_000000')
    line, ratio = main(tmp_path, *BALANCE).axes[0].lines
    assert list(line.get_ydata()) == [1, 1]
    assert list(ratio.get_xdata()) == [10, 20]
    assert list(ratio.get_ydata()) == pytest.approx([5, 7])


def test_runs_of_a_label_that_differ_are_named(tmp_path, runs, error):
    file = write_run(tmp_path / 'short', **{'gmp/rho.video': 1})
    call = partial(error, runs[1], file, *RATIOS, '--labels', 'GMP', 'GMP')
    assert f'run {file} logged' in call()
    keys = {'gmp/rho.video': 1, 'gmp/rho.audio': 1}
    file.write_text(json.dumps(dict(keys, iter=10, step=10)))
    assert f'run {file} has 1 logged iterations from 10 to 10' in call()


def test_run_given_twice_and_equal_folder_names(tmp_path, runs, error):
    message = error(*runs, runs[0], *RATIOS, '--labels', 'A', 'B', 'C')
    assert 'a run is given twice' in message
    write_run(tmp_path / 'other' / 'base', loss_cls=1)
    message = error(*runs, tmp_path / 'other' / 'base', *RATIOS)
    assert 'two runs have the same folder name' in message


@pytest.mark.parametrize(
    ('extra', 'message'),
    [
        (['--labels', 'Base'], '`--labels` has 1 labels'),
        (['--smooth', '0'], '`smooth` must be at least 1'),
        (['--out', 'ratios.gif'], '`out` must end in'),
        (['--lines', '1'], """argument --lines: '1' has no "=\""""),
        (['--lines', 'gmp/*=a'], "--lines: invalid level value: 'gmp/*=a'"),
        (['--where', 'kept'], """argument --where: 'kept' has no "=\""""),
        (
            ['--keys', 'loss'],
            "'loss' matches no logged key; there are ['gmp/rho.audio', "
            "'gmp/rho.video', 'semantic_confidence.audio', "
            "'semantic_confidence.video']",
        ),
    ],
)
def test_wrong_arguments(runs, error, extra, message):
    assert message in error(*runs, *RATIOS, *extra)


def test_run_without_the_keys_or_a_log(tmp_path, runs, error):
    file = write_run(tmp_path / 'erm', loss_cls=1.0)
    message = error(runs[1], file, *RATIOS)
    assert message.endswith(
        f"run {file} logged no key that matches ['gmp/rho.*'], only "
        "['loss_cls']"
    )
    assert 'nowhere does not exist' in error('nowhere', *RATIOS)


@pytest.fixture(scope='module')
def add_ratios():
    return runpy.run_path(str(TOOL))['add_ratios']


def confidences(semantic, domain):
    return {
        **{f'semantic_confidence.{m}': x for m, x in semantic.items()},
        **{f'domain_confidence.{m}': x for m, x in domain.items()},
    }


def test_ratios_are_taken_as_logged(add_ratios):
    record = {
        'gmp/rho.video': 2.0,
        'gmp/rho.audio': 0.5,
        **confidences(dict(video=0.9, audio=0.1), {}),
    }
    assert add_ratios([record]) == [record]


@pytest.mark.parametrize(
    ('semantic', 'domain', 'ratios'),
    [
        (
            dict(video=0.2, audio=0.8),
            dict(video=0.9, audio=0.6),
            {
                'gmp/rho.video': 0.25,
                'gmp/rho.audio': 4,
                'gmp/sigma.video': 2 / 3,
                'gmp/sigma.audio': 1.5,
            },
        ),
        # Each is compared with the mean of the others.
        (
            dict(video=0.6, audio=0.2, flow=0.1),
            dict(video=0.6, audio=0.2, flow=0.1),
            {
                'gmp/rho.video': 4,
                'gmp/rho.audio': 0.2 / 0.35,
                'gmp/rho.flow': 0.25,
                'gmp/sigma.video': 0.25,
                'gmp/sigma.audio': 0.35 / 0.2,
                'gmp/sigma.flow': 4,
            },
        ),
        # Without a domain task there is no sigma.
        (
            dict(video=0.5, audio=0.5),
            {},
            {'gmp/rho.video': 1, 'gmp/rho.audio': 1},
        ),
        (dict(video=0.5), {}, {}),
    ],
)
def test_ratios_from_confidences(add_ratios, semantic, domain, ratios):
    record = confidences(semantic, domain)
    # A record that lacks a modality gets no ratio.
    partial_record = {'semantic_confidence.video': 0.2}
    found, other = add_ratios([record, partial_record])
    assert other == partial_record
    assert found.keys() == {*record, *ratios}
    for key, value in ratios.items():
        np.testing.assert_allclose(found[key], value)
