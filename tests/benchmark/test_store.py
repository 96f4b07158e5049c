# Copyright (c) mmgmp authors.
"""The results file: rows are added, replaced, sorted and read back."""

import multiprocessing

import pandas as pd
import pytest

from mmgmp.benchmark.store import ResultsStore

METRIC = 'target/acc/all/fused/top1'


def row(seed=0, selection='source', config_hash='0012', **values):
    return (
        dict(
            config='toy',
            variables='{}',
            overrides='{}',
            config_hash=config_hash,
            target='human',
            sources='animal+cartoon',
            seed=seed,
            selection=selection,
            epoch=4,
            state='finished',
            reason='',
            seconds=1.5,
            peak_memory_mb=100,
            code_version='1',
            dataset_version='2',
        )
        | values
    )


def failed(seed=0):
    keys = [
        'config',
        'variables',
        'overrides',
        'config_hash',
        'target',
        'seed',
    ]
    values = {key: row(seed)[key] for key in keys}
    return dict(
        values, selection='', state='failed', reason='a, "b"', code_version='1'
    )


def test_empty(tmp_path):
    store = ResultsStore(tmp_path / 'none.csv')
    assert store.states() == {}
    assert store.read().empty
    assert not list(tmp_path.iterdir())


def test_rows_are_read_back(tmp_path):
    store = ResultsStore(tmp_path / 'new/rows.csv')
    store.add([row(1, s, **{METRIC: 2 / 3}) for s in ('source', 'last')])
    store.add([failed(0)])
    store.add(
        [row(2, config_hash='1e10', target='NA', **{'source/other': 0.5})]
    )
    assert store.states() == {
        ('0012', 0): 'failed',
        ('0012', 1): 'finished',
        ('1e10', 2): 'finished',
    }
    frame = store.read()
    assert list(frame['seed']) == [0, 1, 1, 2]
    assert list(frame['selection']) == ['', 'last', 'source', 'source']
    assert frame['reason'][0] == 'a, "b"'
    assert list(frame[METRIC].isna()) == [True, False, False, True]
    assert frame[METRIC][1] == pytest.approx(2 / 3, abs=1e-6)
    assert frame['source/other'][3] == 0.5
    assert frame['target'][3] == 'NA'
    assert frame['code_version'][3] == '1'
    assert frame['epoch'][1] == 4
    assert store.path.read_text().count('0.666667') == 2


def test_a_run_replaces_its_rows(tmp_path):
    store = ResultsStore(tmp_path / 'rows.csv')
    store.add([failed(0)])
    store.add([row(1)])
    store.add([row(0, s) for s in ('source', 'oracle')])
    frame = store.read()
    assert list(frame['selection']) == ['oracle', 'source', 'source']
    assert list(frame['state']) == ['finished'] * 3


def test_order_of_adding_does_not_matter(tmp_path):
    rows = [[row(s, config_hash=h)] for s in (0, 1) for h in ('a', 'b')]
    texts = []
    for order in (rows, rows[::-1]):
        store = ResultsStore(tmp_path / f'{len(texts)}.csv')
        for new in order:
            store.add(new)
        texts.append(store.path.read_text())
    assert texts[0] == texts[1]


def add_rows(path, seeds):
    for seed in seeds:
        ResultsStore(path).add([row(seed)])


def test_two_processes_lose_nothing(tmp_path):
    path = tmp_path / 'rows.csv'
    context = multiprocessing.get_context('fork')
    processes = [
        context.Process(target=add_rows, args=(path, range(first, 12, 2)))
        for first in (0, 1)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert sorted(ResultsStore(path).read()['seed']) == [*range(12)]


def test_another_file(tmp_path):
    path = tmp_path / 'rows.csv'
    pd.DataFrame(dict(seed=[1])).to_csv(path)
    with pytest.raises(ValueError, match=r"rows\.csv is not .*'config_hash'"):
        ResultsStore(path).read()
