# Copyright (c) mmgmp authors.
"""Tables, figures and the page are made from rows, and from nothing else."""

import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mmgmp.benchmark.collect import TARGET_METRIC
from mmgmp.benchmark.execute import failure
from mmgmp.benchmark.plan import Method, Plan
from mmgmp.benchmark.report import (
    further_table,
    page_section,
    write_figures,
    write_tables,
)
from mmgmp.benchmark.results_store import ResultsStore
from tests.benchmark.test_collect import store_run
from tests.benchmark.toy_plan import write_config

ROOT = Path(__file__).parents[2]
RATE = 'optim_wrapper.optimizer.lr'
VIDEO = 'target/acc/all/video/top1'


@pytest.fixture
def plan(tmp_path):
    config = write_config(tmp_path)
    return Plan(
        name='toy',
        results=tmp_path / 'rows.csv',
        targets=dict(cartoon={}),
        seeds=(0, 1, 2),
        methods=dict(
            Base=Method('Base', config),
            Half=Method('Half', config, {RATE: 0.5}),
        ),
        baseline='Base',
        title='A title',
        note='A note.',
        chance=0.5,
    )


@pytest.fixture
def frame(plan):
    for run in plan.runs():
        rate = run.overrides.get(RATE, 1)
        store_run(plan, run, rate / 2 + run.seed / 100, **{VIDEO: rate / 4})
    return ResultsStore(plan.results).read()


def test_tables_of_each_rule(plan, frame, tmp_path):
    write_tables(plan, frame, tmp_path / 'tables')
    for rule, mean in dict(source='51.0', last='61.0', oracle='71.0').items():
        for suffix in ('md', 'tex'):
            text = (tmp_path / f'tables/{rule}.{suffix}').read_text()
            assert mean in text
            assert 'A title' in text
        assert (
            f'{float(mean) / 100:.2f}'
            in (tmp_path / f'tables/{rule}.csv').read_text()
        )
    oracle = (tmp_path / 'tables/oracle.md').read_text()
    assert 'not a fair result' in oracle


def test_page_section(plan, frame, tmp_path):
    text = page_section(plan, 'a/plan.yml', frame, tmp_path, 'results')
    assert text.startswith('## A title\n')
    assert 'python tools/benchmark.py a/plan.yml' in text
    assert 'A note.' in text
    assert '6 of 6 runs, 0:00:06 of training' in text
    assert 'Code 1; data 1.' in text
    assert 'could not have shown' in text or 'no difference' in text
    assert '| Half' in text
    assert '-25.0 [' in text
    assert '![toy_accuracy](results/toy_accuracy.png)' in text
    assert (tmp_path / 'toy_accuracy.png').is_file()
    for rule in ('last epoch', 'oracle: selected on the target'):
        assert f'<summary>{rule}' in text


def test_page_section_of_what_was_not_run(plan, tmp_path):
    frame = ResultsStore(plan.results).read()
    text = page_section(plan, 'plan.yml', frame, tmp_path, 'results')
    assert 'A note.' in text
    assert 'None of the 6 runs has been made.' in text
    assert '|' not in text
    assert write_figures(plan, frame, tmp_path, '') == []


def test_further_table_has_no_average_over_fewer_runs(plan, frame):
    table = further_table(plan, frame)
    header, _, *rows = [x for x in table.splitlines() if x.startswith('|')]
    place = [cell.strip() for cell in header.split('|')].index('target, video')
    cells = [[c.strip() for c in row.split('|')] for row in rows]
    assert [(c[1], c[place]) for c in cells] == [
        ('Base', '25.0'),
        ('Half', '12.5'),
    ]
    run = plan.runs()[0]
    row = dict(run.identity(), **failure('a reason'))
    store = ResultsStore(plan.results)
    store.add([row])
    table = further_table(plan, store.read())
    assert '| Half' in table
    assert '| Base' not in table
    text = page_section(
        plan, 'plan.yml', store.read(), plan.results.parent, ''
    )
    assert 'Failed: Base, target cartoon, seed 0: a reason' in text
    assert '5 of 6 runs' in text


def test_sensitivity_figure(plan, tmp_path):
    methods = {'Base': plan.methods['Base']}
    methods['GMP'] = replace(methods['Base'], label='GMP')
    plan = replace(plan, methods=methods).swept({RATE: [0.5, 1.0, 2.0]})
    for run in plan.runs():
        store_run(plan, run, 0.5)
    frame = ResultsStore(plan.results).read()
    (figure,) = write_figures(plan, frame, tmp_path, 'toy_')
    assert figure.name == 'toy_sensitivity.png'
    assert figure.stat().st_size > 1000


@pytest.mark.slow
def test_published_page_is_made_from_the_rows(tmp_path, monkeypatch):
    """The command that the page names writes the page."""
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
    assert (
        TARGET_METRIC
        in next((ROOT / 'docs/results').glob('*.csv')).read_text()
    )
