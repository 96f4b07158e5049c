# Copyright (c) mmgmp authors.
"""Text in every common encoding is read, or refused by file and line."""

import pytest

from mmgmp.datasets.tables import read_lines, read_names

TEXT = 'é 1.mp4,0\nb.mp4,1\n'
ROWS = [['é 1.mp4', '0'], ['b.mp4', '1']]


def read(tmp_path, data):
    path = tmp_path / 'a.csv'
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_lines(path)


@pytest.mark.parametrize(
    'data',
    [
        TEXT,
        TEXT.encode('utf-8-sig'),
        TEXT.encode('utf-16'),
        '\ufeff'.encode('utf-16-be') + TEXT.encode('utf-16-be'),
        '\ufeff'.encode('utf-32-be') + TEXT.encode('utf-32-be'),
        TEXT.encode('utf-32'),
        TEXT.replace('\n', '\r\n'),
        TEXT.replace('\n', '\r'),
        TEXT[:-1],
        '\n \n' + TEXT + '\n\n',
        ' é 1.mp4 , 0 \nb.mp4\t,1\t\n',
        '"é 1.mp4","0"\n"b.mp4",1\n',
        '\ufeff"é 1.mp4",0\n\ufeff\ufeff"b.mp4",1\n',  # two joined files
    ],
)
def test_forms_of_the_same_rows(tmp_path, data):
    assert [line.cells for line in read(tmp_path, data)] == ROWS


def test_lines_are_numbered_as_in_an_editor(tmp_path):
    lines = read(tmp_path, '\r\na,"x\ny"\r\rb,1\n')
    assert [line.cells for line in lines] == [['a', 'x\ny'], ['b', '1']]
    assert [line.where[-7:] for line in lines] == [' line 3', ' line 5']


@pytest.mark.parametrize(
    ('data', 'words'),
    [
        (TEXT.replace('b', 'é').encode('latin-1'), 'line 1: .* not UTF-8'),
        (b'a,0\rb,1\r\n\xe4,2\n', 'line 3: .* not UTF-8'),
        (TEXT.encode('utf-16')[:-1], 'line 2: .* not UTF-16'),
        ('a,0\n'.encode('utf-16-le'), 'line 1: .* NUL'),
        (b'a,0\nb\0,1\n', 'line 2: .* NUL'),
        ('"a.mp4,0\nb.mp4,1\n', 'line 2: not a row .* end of data'),
        ('a,0\n"b"c,1\n', 'line 2: not a row'),
    ],
)
def test_other_text_is_refused(tmp_path, data, words):
    with pytest.raises(ValueError, match=rf'a\.csv, {words}'):
        read(tmp_path, data)


def test_missing_file_and_folder(tmp_path):
    for read_file in (read_lines, read_names):
        with pytest.raises(FileNotFoundError, match='b.csv is missing'):
            read_file(tmp_path / 'b.csv')
        with pytest.raises(ValueError, match='is a folder'):
            read_file(tmp_path)


def test_names(tmp_path):
    path = tmp_path / 'classes.txt'
    path.write_bytes('\ufeffto run\r\n\r\n eating, drinking \r\n'.encode())
    assert read_names(path) == ('to run', 'eating, drinking')
