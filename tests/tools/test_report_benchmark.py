# Copyright (c) mmgmp authors.
"""The command line of tools/analysis_tools/report_benchmark.py."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/analysis_tools/report_benchmark.py'


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_plan_without_runs(run_tool, tmp_path):
    out = tmp_path / 'page.md'
    for _ in range(2):
        run_tool(TOOL, 'configs/benchmark/hac.yml', '--out', out)
    assert 'None of the 75 runs has finished.' in out.read_text()


@pytest.mark.parametrize('kind', ['file', 'folder', 'link', 'plan'])
def test_page_is_not_written_over(run_tool, tmp_path, capsys, kind):
    out, plan = tmp_path / 'page.md', 'configs/benchmark/hac.yml'
    if kind == 'file':
        out.write_text('# My notes')
    elif kind == 'folder':
        out.mkdir()
    elif kind == 'link':
        out.symlink_to('notes.md')
    else:
        plan = 'none.yml'
    with pytest.raises(SystemExit) as stopped:
        run_tool(TOOL, plan, '--out', out)
    assert stopped.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith('report_benchmark.py: error: ')
    assert ('none.yml' if kind == 'plan' else str(out)) in error
    assert kind != 'file' or out.read_text() == '# My notes'
    assert not (tmp_path / 'notes.md').exists()
