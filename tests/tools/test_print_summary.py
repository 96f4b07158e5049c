# Copyright (c) mmgmp authors.
"""The command line of tools/analysis_tools/print_summary.py."""

import json
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / 'tools/analysis_tools/print_summary.py'
SUMMARY = dict(
    target='cartoon',
    sources=['human', 'animal'],
    chance=1 / 7,
    source_top1=dict(fused=0.9, video=0.5, audio=0.75),
    target_top1=dict(fused=0.625, video=0.25, audio=0.5),
)


def test_prints_the_table_of_a_run(run_tool, tmp_path, capsys):
    (tmp_path / 'summary.json').write_text(json.dumps(SUMMARY))
    run_tool(TOOL, tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(tmp_path)
    assert lines[2].split()[-4:] == ['90.0', '50.0', '75.0', '14.3']
    assert lines[3].split()[-4:] == ['62.5', '25.0', '50.0', '14.3']
    assert len(lines) == 4


def test_run_without_a_summary_is_named(run_tool, tmp_path, capsys):
    with pytest.raises(SystemExit):
        run_tool(TOOL, tmp_path)
    assert str(tmp_path / 'summary.json') in capsys.readouterr().err


def test_mean_over_the_runs_of_a_target(run_tool, tmp_path, capsys):
    for seed, fused in enumerate((0.6, 0.7)):
        folder = tmp_path / str(seed)
        folder.mkdir()
        top1 = dict(SUMMARY['target_top1'], fused=fused)
        text = json.dumps(dict(SUMMARY, target_top1=top1))
        (folder / 'summary.json').write_text(text)
    run_tool(TOOL, '--mean', tmp_path / '0', tmp_path / '1')
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == 'cartoon, mean of 2 runs'
    assert lines[3].split()[-4:] == ['65.0', '25.0', '50.0', '14.3']
    assert len(lines) == 4


@pytest.mark.parametrize(
    'text',
    [
        '',
        '[]',
        '{}',
        json.dumps(dict(SUMMARY, sources=[1])),
        json.dumps(dict(SUMMARY, chance=None)),
        json.dumps(dict(SUMMARY, target_top1=dict(fused='x'))),
        json.dumps(dict(SUMMARY, evaluation=dict(target=3))),
    ],
)
def test_damaged_summary_is_named(run_tool, tmp_path, capsys, text):
    (tmp_path / 'summary.json').write_text(text)
    with pytest.raises(SystemExit) as stopped:
        run_tool(TOOL, tmp_path)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path / 'summary.json') in line


def test_run_given_twice(run_tool, tmp_path, capsys):
    (tmp_path / 'summary.json').write_text(json.dumps(SUMMARY))
    with pytest.raises(SystemExit):
        run_tool(TOOL, '--mean', tmp_path, tmp_path)
    assert 'would count twice' in capsys.readouterr().err
