# Copyright (c) mmgmp authors.
"""Tables of clips: rows, faults and text."""

import re

import pytest

from mmgmp.datasets.clips.contents import (
    class_names,
    domain_names,
    missing_classes,
)
from mmgmp.datasets.clips.table import (
    format_clips,
    overlapping,
    parse_clips,
    read_clips,
    straddling,
)

HEAD = 'path,label,domain,split\n'


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / 'clips.csv'
        path.write_bytes(text.encode())
        return path

    return write


def test_rows_and_back(write):
    text = (
        'domain,PATH,label,split,start,stop,audio,group,camera\r\n'
        'b,x/2.mp4,walk,test,1.5,3,x/2.wav,p1,sony\r\n'
        'a,1 1.mp4,clap,train,,,,,\r\n'
    )
    clips = read_clips(write(text))
    assert clips[0][:8] == (
        'x/2.mp4', 'walk', 'b', 'test', 'x/2.wav', 1.5, 3.0, 'p1',
    )  # fmt: skip
    assert clips[1][4:8] == ('', None, None, '')
    assert [clip.name for clip in clips] == ['x/2.mp4 [1.5-3 s]', '1 1.mp4']
    assert class_names(clips) == ('clap', 'walk')
    assert domain_names(clips) == ('a', 'b')
    assert missing_classes(clips) == dict(a=['walk'], b=['clap'])
    again = format_clips(clips)
    assert again == (
        'path,label,domain,split,audio,start,stop,group\n'
        '1 1.mp4,clap,a,train,,,,\n'
        'x/2.mp4,walk,b,test,x/2.wav,1.5,3.0,p1\n'
    )
    assert format_clips(read_clips(write(again))) == again
    # Columns that no row uses are left out.
    assert format_clips(clips[1:]).startswith(HEAD)


@pytest.mark.parametrize(
    ('row', 'words'),
    [
        ('1.mp4,walk,a', 'expected 4 cells'),
        (',walk,a,train', '`path` is empty'),
        ('1.mp4,walk,,train', '`domain` is empty'),
        ('1.mp4,walk,all,train', "domain 'all'"),
        ('1.mp4,walk,a/b,train', "domain 'a/b'"),
        ('1.mp4,walk,a,val', "must be train or test, got 'val'"),
        ('1.mp4,wa\x01lk,a,train', 'control character'),
        ("1.mp4,walk,it's,train", 'without quotes'),
        ('0.mp4,clap,b,train', 'listed twice, also in .*line 2'),
        ('./x/../0.mp4,clap,b,train', 'listed twice, also in .*line 2'),
    ],
)
def test_faulty_row(write, row, words):
    path = write(f'{HEAD}0.mp4,walk,a,train\n{row}\n')
    clips, faults = parse_clips(path)
    assert len(clips) == 1
    with pytest.raises(ValueError, match=f'clips.csv, line 3: .*{words}'):
        read_clips(path)
    assert len(faults) == 1


@pytest.mark.parametrize(
    ('row', 'words'),
    [
        ('2,4,clap,a,g', ''),
        ('1,3,walk,a,g', ''),
        ('1.99,3,clap,b,h', ''),
        ('1,3,clap,a,g', 'another label$'),
        (',,walk,b,g', 'another domain$'),
        ('1,,walk,a,h', 'another group$'),
    ],
)
def test_segments_that_overlap(write, row, words):
    path = write(
        'path,start,stop,label,domain,group\n'
        f'0.mp4,0,2,walk,a,g\n0.mp4,{row}\n1.mp4,0,9,clap,c,h\n'
    )
    clips, faults = parse_clips(path)
    assert not faults
    found = overlapping(clips)
    assert len(found) == bool(words)
    assert not words or re.search(f'overlaps .*{words}', found[0])


@pytest.mark.parametrize(
    ('start', 'stop', 'words'),
    [
        ('x', '', "`start` must be seconds from 0 on, got 'x'"),
        ('-1', '', 'from 0 on'),
        ('', 'inf', '`stop` must be seconds'),
        ('3', '3', 'not after `start`'),
        ('', '0', 'not after `start`'),
    ],
)
def test_faulty_times(write, start, stop, words):
    row = f'1.mp4,walk,a,train,{start},{stop}'
    path = write(f'{HEAD[:-1]},start,stop\n{row}\n')
    with pytest.raises(ValueError, match=words):
        read_clips(path)


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('', 'is empty'),
        (HEAD, 'has no rows'),
        ('path,label\n1.mp4,walk\n', 'domain is missing'),
        (
            'path,label,domain,spilt\n',
            "no column 'spilt'; did you mean",
        ),
        ('path,label,domain,path\n', "'path' is named twice"),
    ],
)
def test_faulty_table(write, text, words):
    with pytest.raises(ValueError, match=words):
        read_clips(write(text))


def test_all_faults_are_counted(write):
    rows = ''.join(f'{i}.mp4,walk,a,val\n' for i in range(5))
    with pytest.raises(ValueError, match='line 4.*; 2 more'):
        read_clips(write(HEAD + rows))


def test_missing_table_or_split(write, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'index_clips\.py'):
        read_clips(tmp_path / 'no.csv')
    with pytest.raises(ValueError, match=r'line 2: 1\.mp4 has no split'):
        read_clips(write('path,label,domain\n1.mp4,walk,a\n'))


def test_group_and_segments_keep_to_one_split(write):
    head = 'path,label,domain,split,start,group\n'
    path = write(f'{head}1.mp4,a,x,train,0,\n1.mp4,a,x,test,5,\n')
    with pytest.raises(ValueError, match=r"file '1\.mp4' is in split test"):
        read_clips(path)
    path = write(f'{head}1.mp4,a,x,train,,p\n2.mp4,a,y,test,,p\n')
    assert len(straddling(parse_clips(path)[0])) == 1
    # Segments of one file may be given different groups.
    head = head.replace('start', 'start,stop')
    path = write(f'{head}1.mp4,a,x,train,0,5,p\n1.mp4,a,x,test,5,,q\n')
    assert len(read_clips(path)) == 2
