# Copyright (c) mmgmp authors.
"""Pickled split files are converted without running anything in them."""

import csv
import io
import os
import pickle
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.tools.pickles import (
    Global,
    Object,
    array,
    dumps,
    frame,
    index,
    pickled_frame,
)
from tests.utils.twins import EPIC_FOLDER, epic_row, make_epic_twin
from tools.data.epic_kitchens.convert_splits import (
    ADMITTED,
    ForbiddenGlobalError,
    read_pickled_frame,
)

SCRIPT = str(
    Path(__file__).parents[2] / 'tools/data/epic_kitchens/convert_splits.py'
)

ROWS = [
    dict(uid=3, verb='open', frame=245, text='a, "b"\n'),
    dict(uid=-1, verb='close', frame=2**40, text='ü'),
    dict(uid=7, verb='', frame=0, text='c'),
]
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}


def read(path, content):
    path.write_bytes(content)
    return read_pickled_frame(path)


def named(content):
    """Names in a pickle of protocol 4, as they are looked up."""

    class Recorder(pickle._Unpickler):
        def find_class(self, module, name):
            names.append(f'{module}.{name}')
            return ADMITTED[names[-1]]

    names = []
    Recorder(io.BytesIO(content)).load()
    return names


def test_frame_of_the_published_form(tmp_path):
    columns = read(tmp_path / 'a.pkl', pickled_frame(ROWS))
    assert columns == COLUMNS
    assert list(columns) == ['uid', 'verb', 'frame', 'text']
    assert {type(v) for v in columns['frame']} == {int}


def test_twin_names_what_the_published_files_name():
    assert {*named(pickled_frame(ROWS))} == {
        'pandas.core.frame.DataFrame',
        'pandas.core.internals.managers.BlockManager',
        'pandas.core.indexes.base._new_Index',
        'pandas.core.indexes.base.Index',
        'pandas.core.indexes.range.RangeIndex',
        'numpy.core.multiarray._reconstruct',
        'numpy.ndarray',
        'numpy.dtype',
    }


@pytest.mark.parametrize('place', ['slice', 'list'])
def test_frame_of_newer_pandas(tmp_path, place):
    """From pandas 1.3, the manager gets its blocks as arguments."""
    block = Global('pandas._libs.internals', '_unpickle_block')
    integers = array([COLUMNS['uid'], COLUMNS['frame']])
    strings = array([COLUMNS['verb'], COLUMNS['text']])
    if place == 'slice':
        slice_ = Global('builtins', 'slice')
        places = [Object(slice_, (i, 4, 2)) for i in (0, 1)]
    else:
        places = [array([0, 2]), array([1, 3])]
    manager = Object(
        Global('pandas.core.internals.managers', 'BlockManager'),
        (
            tuple(
                Object(block, (values, place, 2))
                for values, place in zip((integers, strings), places)
            ),
            [index([*COLUMNS]), None],
        ),
    )
    content = Object(
        Global('pandas.core.frame', 'DataFrame'),
        (),
        dict(_mgr=manager),
        pickle.NEWOBJ,
    )
    assert read(tmp_path / 'a.pkl', dumps(content)) == COLUMNS


def test_order_in_memory_and_of_bytes(tmp_path):
    """As NumPy itself writes arrays."""
    table = np.arange(6).reshape(2, 3)
    expected = dict(a=[0, 1, 2], b=[3, 4, 5])
    for values in (table, np.asfortranarray(table), table.astype('>i8')):
        function, args, state = values.__reduce__()
        dtype = state[2].__reduce__()
        kind = Object(Global('numpy', 'dtype'), *dtype[1:])
        stored = Object(
            Global(function.__module__, function.__name__),
            (Global('numpy', 'ndarray'), *args[1:]),
            (*state[:2], kind, *state[3:]),
        )
        content = frame([dict(a=0, b=3)])
        manager = content.state['_data']
        axes, _, items, newer = manager.state
        manager.state = (axes, [stored], items[:1], newer)
        assert read(tmp_path / 'a.pkl', dumps(content)) == expected


def bomb(function, *args):
    class Bomb:
        def __reduce__(self):
            return function, args

    return Bomb()


def as_argument(path):
    """A call whose argument is a call."""
    return Object(
        Global('builtins', 'getattr'),
        (Object(Global('posix', 'system'), (f'touch {path}',)), 'real'),
    )


BOMBS = {
    'system': lambda p: pickle.dumps(bomb(os.system, f'touch {p}')),
    'protocol 0': lambda p: pickle.dumps(bomb(os.system, f'touch {p}'), 0),
    'eval': lambda p: pickle.dumps(bomb(eval, f'open({str(p)!r}, "w")')),
    'exec': lambda p: pickle.dumps(bomb(exec, f'open({str(p)!r}, "w")')),
    'open': lambda p: pickle.dumps(bomb(open, str(p), 'w')),
    'nested': lambda p: dumps(as_argument(p)),
}


@pytest.mark.parametrize('kind', BOMBS)
@pytest.mark.parametrize('hidden', [False, True])
def test_malicious_pickle_is_refused_and_nothing_run(tmp_path, kind, hidden):
    marker = tmp_path / 'marker'
    content = BOMBS[kind](marker)
    if hidden:  # after a frame that is well-formed
        good = pickled_frame(ROWS)
        content = good[:-1] + pickle.POP + content
    path = tmp_path / 'D1_train.pkl'
    with pytest.raises(ForbiddenGlobalError, match='was not read') as error:
        read(path, content)
    assert str(path) in str(error.value)
    names = ('posix.system', 'builtins.eval', 'builtins.exec', 'io.open')
    names += ('__builtin__.', '_io.open', 'builtins.getattr')
    assert any(name in str(error.value) for name in names)
    assert not marker.exists()
    if not hidden and kind != 'nested':
        pickle.loads(content)
        assert marker.exists()  # the bomb is one


@pytest.mark.parametrize(
    'name',
    [
        ('builtins', 'getattr'),
        ('builtins', 'object'),
        ('functools', 'partial'),
        ('numpy', 'load'),
        ('pandas', 'read_pickle'),
        ('pandas.core.frame', 'DataFrame.eval'),
        ('pandas.core.frame.DataFrame', 'eval'),
        ('mmgmp.datasets', 'HACDataset'),
        ('absent_module', 'Absent'),
    ],
)
def test_any_other_name_is_refused(tmp_path, name):
    content = dumps(Object(Global(*name), ()))
    with pytest.raises(ForbiddenGlobalError, match='.'.join(name)):
        read(tmp_path / 'a.pkl', content)


def test_foreign_names_inside_a_frame_are_refused(tmp_path):
    content = frame(ROWS)
    content.state['_data'].state[1][1].state[4][0] = Global('os', 'system')
    with pytest.raises(ForbiddenGlobalError, match=r'os\.system'):
        read(tmp_path / 'a.pkl', dumps(content))


def test_no_admitted_name_does_anything():
    for kind in ADMITTED.values():
        record = kind('a', 1)
        assert record.args == ('a', 1)
        assert vars(type(record)).keys() <= {'__module__', '__doc__'}


def other_type():
    content = frame(ROWS)
    content.state['_data'].state[1][0].state[2].args = ('M8', 0, 1)
    return dumps(content)


def missing_column():
    content = frame(ROWS)
    manager = content.state['_data']
    axes, blocks, items, newer = manager.state
    manager.state = (axes, blocks[:1], items[:1], newer)
    return dumps(content)


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'uid,participant_id\n',
        pickled_frame(ROWS)[:-20],
        pickle.dumps([1, 2]),
        pickle.dumps(dict(uid=[1])),
        dumps(array([1, 2])),
        dumps(Object(Global('numpy', 'dtype'), ('i8',), [], pickle.NEWOBJ)),
        other_type(),
        missing_column(),
        pickle.PROTO + b'\x04' + pickle.PERSID + b'x\n.',
    ],
)
def test_anything_else_is_named(tmp_path, content):
    with pytest.raises(ValueError, match=r'a\.pkl is not a pickled') as error:
        read(tmp_path / 'a.pkl', content)
    assert not isinstance(error.value, ForbiddenGlobalError)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'a\.pkl is missing'):
        read_pickled_frame(tmp_path / 'a.pkl')


# --- the command -------------------------------------------------------------


@pytest.fixture
def convert(monkeypatch):
    def run(*args):
        monkeypatch.setattr(sys, 'argv', [SCRIPT, *map(str, args)])
        runpy.run_path(SCRIPT, run_name='__main__')

    return run


def test_split_files_are_converted(tmp_path, convert, capsys):
    folder, out = tmp_path / 'pickled', tmp_path / 'new/csv'
    splits = make_epic_twin(tmp_path) / EPIC_FOLDER
    folder.mkdir()
    for path in splits.glob('*.csv'):
        with open(path, newline='') as file:
            rows = [*csv.DictReader(file)]
        for row in rows:
            for name in ('uid', 'start_frame', 'stop_frame', 'verb_class'):
                row[name] = int(row[name])
        content = pickled_frame(rows)
        (folder / path.with_suffix('.pkl').name).write_bytes(content)
    assert rows[1] == epic_row(int(rows[1]['uid']), 'P22_11', 76, 116, 3)
    convert(folder, '--out', out)
    assert capsys.readouterr().out.count(': 2 rows') == 6
    convert(folder)
    for target in (out, folder):
        for path in splits.glob('*.csv'):
            assert (target / path.name).read_text() == path.read_text()


def test_malicious_split_file_is_refused(tmp_path, convert):
    path, marker = tmp_path / 'D1_train.pkl', tmp_path / 'marker'
    system = Global('os', 'system')
    path.write_bytes(dumps(Object(system, (f'touch {marker}',))))
    with pytest.raises(SystemExit, match=r'D1_train\.pkl.*os\.system'):
        convert(tmp_path)
    assert not marker.exists() and not path.with_suffix('.csv').exists()


def test_folder_without_split_files(tmp_path, convert):
    with pytest.raises(SystemExit, match='no file such as D1_train'):
        convert(tmp_path)
