# Copyright (c) mmgmp authors.
"""The command line of tools/analysis_tools/plot_boomda.py."""

import pytest

from tests.utils.figure_tools import caller, load_tool, write_run
from tests.utils.figures import legend_texts

SCALARS = {
    'boomda/gamma.video': 0.25,
    'boomda/gamma.audio': 0.75,
    'boomda/discrepancy.video': 8.0,
    'boomda/discrepancy.audio': 2.0,
    'boomda/ratio': 5.0,
    'boomda/kept': 0.5,
    'boomda/pseudo_accuracy': 0.6,
}


@pytest.fixture
def tool(monkeypatch):
    return load_tool('plot_boomda', monkeypatch)


@pytest.fixture
def main(tool, monkeypatch):
    return caller(tool, monkeypatch)


@pytest.fixture
def figures(tool, monkeypatch):
    """Figures of the calls."""
    drawn = []
    draw = tool.plot_adaptation
    monkeypatch.setattr(
        tool, 'plot_adaptation', lambda *args: drawn.append(draw(*args))
    )
    return drawn


def test_figure_of_several_runs(tmp_path, main, figures, capsys):
    for seed, kept in enumerate((0.5, 0.7)):
        keys = {**SCALARS, 'boomda/kept': kept}
        write_run(tmp_path / f'seed{seed}', **keys)
    file = write_run(tmp_path / 'equal', **SCALARS)
    out = tmp_path / 'plots' / 'boomda.png'
    main(
        *(tmp_path / 'seed0', tmp_path / 'seed1', file),
        *('--labels', 'QP', 'QP', 'equal', '--out', out, '--smooth', 2),
    )
    assert capsys.readouterr().out == f'wrote {out}\n'
    assert out.read_bytes().startswith(b'\x89PNG')
    (figure,) = figures
    assert legend_texts(figure) == ['QP', 'equal']
    (kept,) = (a for a in figure.axes if a.get_title() == 'target kept')
    mean, low, high, equal = (list(line.get_ydata()) for line in kept.lines)
    assert mean == pytest.approx([0.6, 0.6])
    assert (low, high, equal) == ([0.5, 0.5], [0.7, 0.7], [0.5, 0.5])


def test_labels_default_to_the_work_dirs(tmp_path, main, figures):
    write_run(tmp_path / 'boomda', **SCALARS)
    main(tmp_path / 'boomda', '--out', tmp_path / 'boomda.pdf')
    assert legend_texts(figures[0]) == ['boomda']


def test_resumed_run(tmp_path, main, figures):
    write_run(tmp_path, **SCALARS)
    again = write_run(tmp_path / 'again', **{**SCALARS, 'boomda/ratio': 7.0})
    again.write_text(again.read_text().splitlines()[1])
    (tmp_path / 'again/20250101_000000').rename(tmp_path / '20250102_000000')
    main(tmp_path, '--out', tmp_path / 'boomda.png')
    line, ratio = figures[0].axes[0].lines
    assert list(line.get_ydata()) == [1, 1]
    assert list(ratio.get_xdata()) == [10, 20]
    assert list(ratio.get_ydata()) == pytest.approx([5, 7])


def test_run_without_scalars_of_boomda(tmp_path, main, capsys):
    file = write_run(tmp_path / 'erm', loss_cls=1.0)
    with pytest.raises(SystemExit) as stopped:
        main(file)
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert f'{file} has no scalars of Boomda' in error
    assert (
        "such as those of configs/boomda. Found ['iter', 'loss_cls'" in error
    )


def test_seeds_that_logged_other_scalars(tmp_path, main, capsys):
    write_run(tmp_path / 'a', **SCALARS)
    keys = {k: v for k, v in SCALARS.items() if not k.endswith('accuracy')}
    write_run(tmp_path / 'b', **keys)
    with pytest.raises(SystemExit):
        main(tmp_path / 'a', tmp_path / 'b', '--labels', 'QP', 'QP')
    error = capsys.readouterr().err
    assert f'run {tmp_path / "b"} has the curves' in error
    assert "'kept', 'pseudo_accuracy', 'ratio']: give them" in error
