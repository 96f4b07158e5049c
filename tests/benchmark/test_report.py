# Copyright (c) mmgmp authors.
"""Tables, figures and the page contain the stored rows and nothing else."""

import csv
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mmgmp.benchmark.report import (
    further_table,
    page_section,
    selection_table,
    stored_note,
    write_figure,
    write_tables,
)
from mmgmp.benchmark.results import Results
from mmgmp.benchmark.selection import TARGET_METRIC
from mmgmp.utils.csv_cells import unguard_cell
from tests.benchmark.toy_plan import (
    RATE,
    make_plan,
    store_failure,
    store_run,
)

ROOT = Path(__file__).parents[2]
VIDEO = 'target/acc/all/video/top1'


@pytest.fixture
def plan(tmp_path):
    return make_plan(
        tmp_path, seeds=(0, 1, 2), title='A title', note='A note.'
    )


@pytest.fixture
def results(plan):
    for run in plan.runs:
        rate = run.overrides.get(RATE, 1)
        store_run(plan, run, rate / 2 + run.seed / 100, **{VIDEO: rate / 4})
    return Results.read(plan)


def read_cells(table):
    """Header and rows of a Markdown table."""
    lines = [x for x in table.splitlines() if x.startswith('|')]
    return [
        [cell.strip() for cell in line.replace('\\|', '/').split('|')[1:-1]]
        for line in lines[:1] + lines[2:]
    ]


def test_tables_of_each_rule(results, tmp_path):
    write_tables(results, tmp_path / 'tables')
    for rule, mean in dict(source='51.0', last='61.0', oracle='71.0').items():
        for suffix in ('md', 'tex'):
            text = (tmp_path / f'tables/{rule}.{suffix}').read_text()
            assert mean in text
            assert 'A title' in text
        text = (tmp_path / f'tables/{rule}.csv').read_text()
        assert f'{float(mean) / 100:.2f}' in text
    oracle = (tmp_path / 'tables/oracle.md').read_text()
    assert 'not a fair result' in oracle


def test_page_section(results, tmp_path):
    text = page_section(results, 'a/plan.yml', tmp_path, 'results')
    assert text.startswith('## A title\n')
    assert 'python tools/benchmark.py a/plan.yml' in text
    assert 'A note.' in text
    assert '6 of 6 runs finished. Total training time: 0:00:06' in text
    assert 'Code 1; data 1.' in text
    assert 'no significant difference' in text
    assert 'no difference could be significant' in text
    assert '| Half' in text
    assert '-25.0 [' in text
    assert '![toy_accuracy](results/toy_accuracy.png)' in text
    assert (tmp_path / 'toy_accuracy.png').is_file()
    for rule in ('last epoch', 'oracle: selected on the target'):
        assert f'<summary>{rule}' in text


def test_page_section_without_results(plan, tmp_path):
    results = Results.read(plan)
    text = page_section(results, 'plan.yml', tmp_path, 'results')
    assert 'A note.' in text
    assert 'None of the 6 runs has finished.' in text
    assert '|' not in text
    assert write_figure(results, tmp_path) is None


def test_stored_note(plan):
    """It counts the runs with rows that remain, and names their versions."""
    assert stored_note(Results.read(plan), plan.runs) == ''
    first, second, third, *others = plan.runs
    store_run(plan, first, 0.5)
    store_run(plan, second, 0.5, code_version='2')
    store_failure(plan, third)
    note = stored_note(Results.read(plan), others)
    assert f'3 runs are rows stored in {plan.results} by mmgmp 1, 2' in note
    assert 'nothing is run' not in note
    note = stored_note(Results.read(plan), [second, third, *others])
    assert '1 run are rows' in note and 'mmgmp 1:' in note
    assert 'nothing is run' in stored_note(Results.read(plan), [])


def test_further_table_has_no_average_over_fewer_runs(plan, results):
    header, *rows = read_cells(further_table(results))
    place = header.index('target, video')
    cells = [(row[0], row[place]) for row in rows]
    assert cells == [('Base', '25.0'), ('Half', '12.5')]
    store_failure(plan, plan.runs[0])
    results = Results.read(plan)
    table = further_table(results)
    assert '| Half' in table
    assert '| Base' not in table
    text = page_section(results, 'plan.yml', plan.results.parent, '')
    assert 'Failed: Base, target cartoon, seed 0: a reason' in text
    assert '5 of 6 runs' in text


def test_selection_table(plan):
    methods = {
        label: replace(method, label=label)
        for label, method in zip(('Base', 'a|b'), plan.methods.values())
    }
    plan = replace(plan, methods=methods, seeds=(0, 1))
    # With IW, the second seed has 0.1 more. One run is missing.
    for run in plan.runs:
        if (run.label, run.seed) != ('Base', 1):
            rules = dict(oracle=0, iw=0.1 * run.seed, source=0)
            store_run(plan, run, 0.5, rules)
    text = selection_table(Results.read(plan))
    assert read_cells(text) == [
        ['Method', 'source', 'oracle', 'iw'],
        # Without its second run, the method has no mean.
        ['Base', '-', '-', '-'],
        ['a/b', '50.0 ± 0.0', '50.0 ± 0.0', '55.0 ± 7.1'],
    ]
    assert '- oracle: selected on the target, not a fair' in text
    assert '- iw: selected by importance-weighted source' in text


def test_sensitivity_figure(plan, tmp_path):
    methods = {'Base': plan.methods['Base']}
    methods['GMP'] = replace(methods['Base'], label='GMP')
    plan = replace(plan, methods=methods).swept({RATE: [0.5, 1.0, 2.0]})
    for run in plan.runs:
        store_run(plan, run, 0.5)
    figure = write_figure(Results.read(plan), tmp_path, 'toy_')
    assert figure.name == 'toy_sensitivity.png'
    assert figure.stat().st_size > 1000


@pytest.mark.slow
def test_published_page_is_made_from_the_rows(tmp_path, monkeypatch):
    """The command on the page writes the page."""
    page = (ROOT / 'docs/benchmark.md').read_text()
    lines = page.split('```shell\n')[1].split('\n```')[0]
    _, tool, *plans = lines.replace('\\\n', ' ').split()
    monkeypatch.chdir(ROOT)
    out = tmp_path / 'docs/benchmark.md'
    monkeypatch.setattr(sys, 'argv', [tool, *plans, '--out', str(out)])
    runpy.run_path(tool, run_name='__main__')
    assert out.read_text() == page
    drawn = {path.name for path in out.parent.glob('results/*.png')}
    assert drawn == {p.name for p in (ROOT / 'docs/results').glob('*.png')}
    rows = next((ROOT / 'docs/results').glob('*.csv')).read_text()
    assert TARGET_METRIC in rows


@pytest.mark.parametrize('values', [[0.03, 3], ['a', 'b'], [[1], None]])
def test_any_sweep_is_reported(plan, tmp_path, values):
    plan = plan.swept({'model.fault': values})
    for run in plan.runs:
        store_run(plan, run, 0.5)
    results = Results.read(plan)
    write_tables(results, tmp_path / 'tables')
    assert page_section(results, 'plan.yml', tmp_path, '')


def test_any_name_is_reported(plan, tmp_path):
    names = ('5', r'=a $x_{ | 漢字 % \\')
    methods = {
        name: replace(method, label=name)
        for name, method in zip(names, plan.methods.values())
    }
    plan = replace(plan, methods=methods, baseline=names[1])
    for run in plan.runs:
        store_run(plan, run, 0.5, seconds='')
    results = Results.read(plan)
    write_tables(results, tmp_path / 'tables')
    assert '0:00:00' in page_section(results, 'plan.yml', tmp_path, '')
    with (tmp_path / 'tables/source.csv').open(newline='') as file:
        first, second = csv.DictReader(file)
    assert (first['method'], second['method']) == ('5', f"'{names[1]}")
    assert unguard_cell(second['method']) == names[1]


def test_tables_do_not_follow_links(results, tmp_path):
    victim = tmp_path / 'mine.txt'
    victim.write_text('mine')
    (tmp_path / 'tables').mkdir()
    (tmp_path / 'tables/source.md').symlink_to(victim)
    write_tables(results, tmp_path / 'tables')
    assert victim.read_text() == 'mine'
    assert '51.0' in (tmp_path / 'tables/source.md').read_text()


def test_changed_config_is_said(plan):
    store_run(plan, plan.runs[0], 0.5, config_hash='0')
    text = page_section(Results.read(plan), 'plan.yml', Path(), '')
    assert '1 missing run of A title' in text
    assert plan.runs[0].name in text
