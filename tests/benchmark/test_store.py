# Copyright (c) mmgmp authors.
"""The results file: rows are added, replaced, sorted and read back."""

import csv
import multiprocessing
from pathlib import Path

import pandas as pd
import pytest

from mmgmp.benchmark.store import ResultsStore
from mmgmp.utils.atomic_local_backend import AtomicLocalBackend

ROOT = Path(__file__).parents[2]
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


def test_rows_of_an_older_version_stay_readable(tmp_path):
    """They have no columns for the clips and the classes."""
    store = ResultsStore(tmp_path / 'rows.csv')
    store.add([row(0, **{METRIC: 0.5})])
    clips, name = 'target/acc/all/clips', 'target/acc/all/fused/class/a,b'
    store.add([row(1, **{METRIC: 0.6, clips: 280.0, name: 0.25})])
    rows = store.read().set_index('seed')
    assert rows.loc[0, METRIC] == 0.5
    assert rows[[clips, name]].isna().all(axis=1).tolist() == [True, False]
    assert rows.loc[1, clips] == 280
    assert ',280,' in store.path.read_text()


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


def stored(tmp_path):
    store = ResultsStore(tmp_path / 'rows.csv')
    rules = ('source', 'last')
    store.add([row(0, rule, **{METRIC: 0.75}) for rule in rules])
    store.add([row(1, rule, **{METRIC: 0.25}) for rule in rules])
    return store


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda x: x[:-60], 'line 5 has .* cells instead of'),
        (lambda x: x + '<<<<<<< HEAD\n', 'line 6 has 1 cells instead of'),
        (lambda x: x.replace('0.75', 'abc'), f"line 2 .*'{METRIC}' .* number"),
        (lambda x: x.replace('0.75', '1.75'), f'line 2 has a {METRIC} not in'),
        (lambda x: x.replace('finished', 'done'), 'line 2 has a state'),
        (lambda x: x.replace('cartoon,1,', 'cartoon,1.5,'), 'line 4 .*natu'),
        (lambda x: x.replace('cartoon,1,', 'cartoon,,'), 'line 4 has no seed'),
        (
            lambda x: x + x.splitlines()[3].replace('0.25', '0.5') + '\n',
            'line 6 is a second result of the same run',
        ),
        (
            lambda x: x + x.splitlines()[1].replace('last', '').replace(
                'finished', 'failed'
            ) + '\n',
            'line 2 .* has failed',
        ),
        (lambda x: x + '"open', 'line 6'),
        (lambda x: '', r"lacks the columns \['config_hash', 'seed'"),
        (lambda x: x.replace('sources', 'target', 1), 'two columns'),
    ],
)  # fmt: skip
def test_damaged_files_are_refused(tmp_path, change, message):
    store = stored(tmp_path)
    text = change(store.path.read_text())
    store.path.write_text(text)
    for use in (store.read, lambda: store.add([row(2)])):
        with pytest.raises(
            ValueError, match=rf'rows\.csv.*{message}'
        ) as caught:
            use()
        assert '\n' not in str(caught.value)
    assert store.path.read_text() == text


def test_not_text(tmp_path):
    store = stored(tmp_path)
    store.path.write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ValueError, match=r'rows\.csv cannot be read'):
        store.read()


def test_harmless_differences(tmp_path):
    """Of an editor, an older version, or a merge that repeats a line."""
    store = stored(tmp_path)
    rows, text = store.read(), store.path.read_text()
    repeated = text + text.splitlines()[2] + '\n\n'
    store.path.write_bytes(repeated.replace('\n', '\r\n').encode('utf-8-sig'))
    assert store.read().equals(rows)
    old = pd.read_csv(store.path, dtype=str, keep_default_na=False)
    old = old.drop(columns=['variables', 'seconds', 'reason'])
    old.assign(host='a machine').to_csv(store.path, index=False)
    frame = store.read()
    assert list(frame['variables']) == [''] * 4
    assert frame['seconds'].isna().all()
    store.add([row(2)])
    assert list(store.read()['host']) == ['a machine'] * 4 + ['']


@pytest.mark.parametrize('text', ['=1+2', '@x', '-a', '\t=1', "'=1", '-1.5'])
def test_formulas_are_quoted(tmp_path, text):
    store = ResultsStore(tmp_path / 'rows.csv')
    store.add([row(target=text, reason=text, **{'target/score': -1.5})])
    with store.path.open(newline='') as file:
        (cells,) = csv.DictReader(file)
    assert cells['target/score'] == '-1.5'
    quoted = text if text == '-1.5' else f"'{text}"
    assert (cells['target'], cells['reason']) == (quoted, quoted)
    frame = store.read()
    assert (frame['target'][0], frame['reason'][0]) == (text, text)
    before = store.path.read_bytes()
    store.add([row(target=text, reason=text, **{'target/score': -1.5})])
    assert store.path.read_bytes() == before


def test_published_files_stay_the_same(tmp_path):
    for path in (ROOT / 'docs/results').glob('*.csv'):
        copy = tmp_path / path.name
        copy.write_bytes(path.read_bytes())
        store = ResultsStore(copy)
        frame = store.read()
        key = frame['config_hash'][0], frame['seed'][0]
        mine = (frame['config_hash'] == key[0]) & (frame['seed'] == key[1])
        store.add(frame[mine].to_dict('records'))
        assert copy.read_bytes() == path.read_bytes()


def test_read_only_file_is_refused(tmp_path):
    store = stored(tmp_path)
    store.check()
    store.path.chmod(0o444)
    with pytest.raises(ValueError, match=r'rows\.csv is read-only'):
        store.check()
    (tmp_path / 'link.csv').symlink_to('nowhere.csv')
    for name, reason in (('link.csv', 'is a link'), ('.', 'is not a file')):
        with pytest.raises(ValueError, match=reason):
            ResultsStore(tmp_path / name).check()
    ResultsStore(tmp_path / 'new/folder/rows.csv').check()
    with pytest.raises(ValueError, match='no writable folder'):
        ResultsStore(store.path / 'rows.csv').check()
    assert not (tmp_path / 'new').exists()


def test_full_disk(tmp_path, monkeypatch):
    store = stored(tmp_path)
    before = store.path.read_bytes()

    def put_text(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(AtomicLocalBackend, 'put_text', put_text)
    with pytest.raises(
        ValueError, match=r'rows\.csv cannot be written.*No sp'
    ):
        store.add([row(7)])
    assert store.path.read_bytes() == before


def test_link_stays_a_link(tmp_path):
    store = stored(tmp_path)
    link = tmp_path / 'other/link.csv'
    link.parent.mkdir()
    link.symlink_to(store.path)
    ResultsStore(link).add([row(5)])
    assert link.is_symlink()
    assert len(store.read()) == 5
