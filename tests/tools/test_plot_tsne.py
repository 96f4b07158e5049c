# Copyright (c) mmgmp authors.
"""The command line of tools/analysis_tools/plot_tsne.py."""

import runpy
from pathlib import Path

import pytest

from mmgmp import visualization
from tests.utils.figures import legend_texts
from tests.utils.leaves import leaf_path, read_leaf
from tests.utils.prediction import CONFIG, save_model

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/analysis_tools/plot_tsne.py'
GMP_CONFIG = leaf_path('gmp')


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp('tsne') / 'model.pth'
    save_model(path)
    return str(path)


@pytest.fixture(scope='module')
def options(tiny_mini_hac):
    """Arguments that point a config to the tiny tree."""
    settings = {}
    for key, value in tiny_mini_hac.items():
        if isinstance(value, dict):
            settings.update({f'{key}.{k}': v for k, v in value.items()})
        else:
            settings[key] = value
    return ['--cfg-options', *(f'{k}={v}' for k, v in settings.items())]


@pytest.fixture
def main(run_tool, options):
    return lambda *args: run_tool(TOOL, *args, '--device', 'cpu', *options)


def test_tool(tmp_path, checkpoint, main, capsys):
    out = tmp_path / 'plots' / 'tsne.png'
    main(GMP_CONFIG, checkpoint, '--out', out, '--perplexity', 5)
    assert capsys.readouterr().out.endswith(f'wrote {out}\n')
    assert out.read_bytes().startswith(b'\x89PNG')


def test_figure(main, monkeypatch, checkpoint, tmp_path):
    figures = []
    draw = visualization.plot_embedding
    monkeypatch.setattr(
        visualization,
        'plot_embedding',
        lambda *args: figures.append(draw(*args)),
    )
    out = tmp_path / 'tsne.pdf'
    runs = [CONFIG, checkpoint, GMP_CONFIG, checkpoint]
    main(
        *runs,
        *('--out', out, '--perplexity', 4, '--split', 'target'),
        *('--labels', 'A', 'B'),
    )
    (figure,) = figures
    axes = figure.axes
    assert [ax.get_ylabel() for ax in axes] == ['A', '', 'B', '']
    # The same checkpoint and seed give the same points: all of the target.
    for ax, other in zip(axes[:2], axes[2:]):
        points, same = (
            sorted(p for line in a.lines for p in zip(*line.get_data()))
            for a in (ax, other)
        )
        assert len(points) == 21
        assert points == same
    assert legend_texts(figure)[0] == 'cartoon (unseen)'
    assert out.read_bytes().startswith(b'%PDF')


def test_labels_default_to_the_methods():
    label_rows = runpy.run_path(str(TOOL))['label_rows']
    assert label_rows([CONFIG, GMP_CONFIG], None) == ['dann', 'gmp']


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        ([CONFIG], 'pass a CHECKPOINT after each CONFIG, got 1 files'),
        ([CONFIG, 'c', '--out', 'tsne.gif'], '`out` must end in'),
        ([CONFIG, 'c', CONFIG, 'c'], 'two rows have the same label in'),
        ([CONFIG, 'c', '--labels', 'A', 'B'], "['A', 'B'] for 1 rows"),
        ([CONFIG, 'none.pth'], 'none.pth does not exist'),
        (['none.py', 'c'], 'none.py'),
    ],
)
def test_wrong_arguments(main, capsys, args, message):
    with pytest.raises(SystemExit) as stopped:
        main(*args)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_perplexity_of_more_clips_than_there_are(main, capsys, checkpoint):
    with pytest.raises(SystemExit):
        main(CONFIG, checkpoint, '--split', 'source', '--perplexity', 14)
    assert 'number of samples 14, got 14' in capsys.readouterr().err


def test_rows_of_other_clips(main, capsys, checkpoint, tmp_path):
    out, other = tmp_path / 'tsne.png', tmp_path / 'other.py'
    read_leaf('erm', target='human').dump(other)
    with pytest.raises(SystemExit):
        main(
            *(CONFIG, checkpoint, other, checkpoint),
            *('--out', out, '--split', 'source'),
        )
    error = capsys.readouterr().err
    assert f'{other} evaluates other clips than {CONFIG}' in error
    assert not out.exists()
