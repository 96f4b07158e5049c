# Copyright (c) mmgmp authors.
"""Split files of EPIC-Kitchens are read, and mistakes in them reported."""

import pytest

from mmgmp.datasets import (
    EPICKitchensDataset,
    epic_kitchens,
    epic_kitchens_split,
)
from mmgmp.datasets.epic_kitchens_split import Action, read_split
from tests.utils.twins import EPIC_FOLDER, epic_row, write_rows


def row(**changes):
    return {**epic_row(0, 'P08_01', 31, 71, 0), **changes}


def test_odd_frames_of_flow():
    action = Action('P08_01', 4.09, 5.84, 245, 350, 2)
    assert (action.flow_start, action.flow_length) == (123, 52)
    assert Action('P08_01', 0, 1, 244, 351, 2).flow_start == 122


@pytest.mark.parametrize(
    ('rows', 'words'),
    [
        ([row(), row(verb_class=8)], r'row 1: `verb_class`.*got 8'),
        ([row(stop_frame=32)], '32 must be at least `start_frame` 31'),
        ([row(start_frame=-1)], '`start_frame` -1'),
        ([row(start_frame=31.5)], "line 2.*integer, got '31.5'"),
        ([row(start_timestamp='4.09')], "row 0: `start_timestamp`.*'4.09'"),
        ([row(stop_frame='1_000')], "line 2.*integer, got '1_000'"),
        ([row(verb_class='')], "line 2.*integer, got ''"),
        ([row(start_timestamp='nan:00:00')], "`start_.*'nan:00:00'"),
        ([row(start_timestamp='-0:00:00.1')], "`start_.*'-0:00:00.1'"),
        ([row(stop_timestamp='00:00:60.5')], "`stop_.*'00:00:60.5'"),
        ([row(stop_timestamp='00:01,2')], "`stop_.*'00:01,2'"),
        ([row(stop_timestamp='00:00:0x3')], "`stop_.*'00:00:0x3'"),
        ([row(stop_timestamp='00:00:00.10')], '00.10 must be later than'),
        ([row(stop_timestamp='00:00:00.52')], '00.52 must be later than'),
        ([row(video_id='')], 'not a folder name'),
        ([row(video_id='..')], 'not a folder name'),
        ([row(stop_frame=5000 * '9')], 'line 2.*integer, got'),
        ([row(video_id='P01_01')], 'P01_01.*D1 is the kitchen.*P08'),
        ([row(video_id='../P08_01')], 'not a folder name'),
        ([{k: v for k, v in row().items() if k != 'verb'}], r"lacks.*'verb'"),
    ],
)
def test_wrong_row(tmp_path, rows, words):
    path = tmp_path / EPIC_FOLDER / 'D1_train.csv'
    path.parent.mkdir()
    write_rows(path, rows)
    with pytest.raises(ValueError, match=words):
        EPICKitchensDataset(str(tmp_path), ['D1'], 'train')


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda text: text[:-3] + '\n', 'line 2: expected 10 values'),
        (lambda text: text[:-1] + ',0\n', 'line 2: expected 10 values'),
        (lambda text: text.replace('uid', 'id'), r"lacks.*'uid'"),
        (lambda text: text.splitlines()[0], 'has no rows'),
        (lambda text: '', 'lacks'),
        (lambda text: text.replace(',', ';'), 'lacks.*separated by commas'),
        (lambda text: text.replace('verb,', 'uid,'), r"lacks.*'uid', 'verb'"),
        (lambda text: text + '"', 'line 3: not a row'),
    ],
)
def test_wrong_file(tmp_path, change, words):
    path = tmp_path / 'D1_train.csv'
    write_rows(path, [row()])
    (action,) = read_split(tmp_path, 'D1', 'train')
    assert action == Action('P08_01', 0.52, 1.18, 31, 71, 0)
    path.write_text(change(path.read_text()))
    with pytest.raises(ValueError, match=words) as error:
        read_split(tmp_path, 'D1', 'train')
    assert str(path) in str(error.value)


def test_missing_file_and_pickled_file(tmp_path):
    with pytest.raises(
        FileNotFoundError,
        match=r'D1_train\.csv is missing, and so is D1_train\.pkl',
    ):
        read_split(tmp_path, 'D1', 'train')
    # The error names the published file, which is not opened.
    (tmp_path / 'D1_train.pkl').write_bytes(b'not to be read')
    with pytest.raises(FileNotFoundError, match=r'D1_train\.pkl') as error:
        read_split(tmp_path, 'D1', 'train')
    command = f'convert_splits.py {tmp_path}`'
    assert f'python tools/data/epic_kitchens/{command}' in str(error.value)


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16'])
@pytest.mark.parametrize('end', ['\r\n', '\r', '\n \n'])
def test_other_encodings(tmp_path, encoding, end):
    path = tmp_path / 'D1_train.csv'
    write_rows(path, [row(), row(verb_class=3)])
    text = path.read_text().replace('\n', end)
    path.write_bytes(text.encode(encoding))
    actions = read_split(tmp_path, 'D1', 'train')
    assert [action.label for action in actions] == [0, 3]


def test_repeated_actions_are_logged(tmp_path, monkeypatch):
    messages = []
    monkeypatch.setattr(epic_kitchens_split, 'warn_once', messages.append)
    monkeypatch.setattr(epic_kitchens, 'warn_once', messages.append)
    folder = tmp_path / EPIC_FOLDER
    folder.mkdir()
    # Two verbs may be at the same time, as in the published files.
    rows = [row(), row(verb_class=1), row(start_frame=35)]
    write_rows(folder / 'D1_train.csv', rows)
    assert len(read_split(folder, 'D1', 'train')) == 3
    assert 'repeats 1 of its actions' in messages.pop()
    write_rows(folder / 'D1_test.csv', rows[1:])
    EPICKitchensDataset(str(tmp_path), ['D1'], 'test', on_corrupt='skip')
    assert 'have 2 of their actions in common' in messages.pop()


def test_frames_of_other_times_are_logged(tmp_path, monkeypatch):
    messages = []
    monkeypatch.setattr(epic_kitchens_split, 'warn_once', messages.append)
    path = tmp_path / 'D1_train.csv'
    # A camera with 59.94 frames per second, after 20 minutes and 2 seconds.
    late = row(
        start_timestamp='00:20:00.00',
        stop_timestamp='00:20:02.00',
        start_frame=71928,
        stop_frame=72048,
    )
    write_rows(path, [row(), late])
    assert len(read_split(tmp_path, 'D1', 'train')) == 2
    assert not messages
    write_rows(path, [row(), late, row(stop_frame=135)])
    assert len(read_split(tmp_path, 'D1', 'train')) == 3
    assert 'in 1 of 3 rows' in messages.pop()
