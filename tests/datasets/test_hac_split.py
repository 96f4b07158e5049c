# Copyright (c) mmgmp authors.
"""Rows of HAC's split files are a file name and a class, and nothing else."""

import unicodedata

import pytest

from mmgmp.datasets import hac_split
from mmgmp.datasets.hac_split import read_table

CLASSES = ('a', 'b', 'c')


def read(tmp_path, text, labelled=True):
    path = tmp_path / 'rows.csv'
    path.write_text(text, encoding='utf-8')
    return read_table(path, CLASSES, labelled)


def test_rows(tmp_path):
    rows = read(tmp_path, 'x/a .b.mp4, 2\n"b, c.mp4",0\n-4.mp4,01\n')
    assert [row[:2] for row in rows] == [
        ('x/a .b.mp4', 2),
        ('b, c.mp4', 0),
        ('-4.mp4', 1),
    ]
    assert [row.stem for row in rows] == ['x/a .b', 'b, c', '-4']
    assert rows[1].where.endswith('rows.csv, line 2')


@pytest.mark.parametrize('labelled', [True, False])
@pytest.mark.parametrize(
    ('row', 'words'),
    [
        ('a.mp4;1', 'comma'),
        ('a.mp4\t1', 'comma'),
        ('a.mp4,1,', 'comma'),
        (',1', 'comma'),
        ('/a.mp4,1', 'name of a file'),
        ('x/../../a.mp4,1', 'name of a file'),
        ('.,1', 'name of a file'),
        ('a\tb.mp4,1', 'control character'),
        ('"a\nb.mp4",1', 'control character'),
    ],
)
def test_wrong_row(tmp_path, row, words, labelled):
    with pytest.raises(ValueError, match=rf'line \d: .*{words}'):
        read(tmp_path, f'b.mp4,0\n{row}\n', labelled)


@pytest.mark.parametrize(
    'label',
    [
        '',
        '3',
        '-1',
        '+1',
        '1.0',
        'nan',
        '1e0',
        '٢',
        '²',
        'one',
        '1_0',
        5000 * '9',
    ],
)
def test_wrong_label(tmp_path, label):
    with pytest.raises(ValueError, match='line 2: .* from 0 to 2, got'):
        read(tmp_path, f'b.mp4,0\na.mp4,{label}\n')
    assert len(read(tmp_path, f'b.mp4,0\na.mp4,{label}\n', False)) == 2


E = 'é.mp4'


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('a.mp4', 'a.mp4'),
        ('x/a.mp4', './x//a.mp4'),
        (E, unicodedata.normalize('NFD', E)),
    ],
)
def test_same_clip_twice(tmp_path, monkeypatch, one, other):
    messages = []
    monkeypatch.setattr(hac_split, 'warn_once', messages.append)
    with pytest.raises(
        ValueError, match=r'line 3: .* is 2, but 1 in .*line 1'
    ):
        read(tmp_path, f'{one},1\nb.mp4,1\n{other},2\n')
    assert len(read(tmp_path, f'{one},1\nb.mp4,1\n{other},1\n')) == 3
    assert len(messages) == 1
    assert 'rows.csv repeats 1 of its clips' in messages[0]
    # Labels that are not read are not compared.
    assert len(read(tmp_path, f'{one},1\n{other},2\n', False)) == 2
