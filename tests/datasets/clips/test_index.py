# Copyright (c) mmgmp authors.
"""Finding clips in a folder, and splitting them."""

from collections import Counter

import pytest

from mmgmp.datasets.clips.index import (
    assign_splits,
    empty_splits,
    find_clips,
    format_counts,
    move_paths,
)
from mmgmp.datasets.clips.table import Clip, straddling


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b'x')


def test_layout(tmp_path):
    touch(
        tmp_path,
        'a/walk/1.MP4',
        'a/walk/deep/er/2 2.webm',
        'b/clap/1.avi',
        'b/clap/notes.txt',
        'b/clap/._1.avi',
        '.cache/x/y.mp4',
        'loose.mp4',
        'all/walk/1.mkv',
        'a/walk /3.mp4',
    )
    # A second name of a folder is a copy, which is found later.
    (tmp_path / 'c').symlink_to(tmp_path / 'b')
    (tmp_path / 'b/clap/circle').symlink_to(tmp_path / 'b')
    clips, faults, others = find_clips(tmp_path)
    assert [(c.domain, c.label, c.path) for c in clips] == [
        ('a', 'walk', 'a/walk/1.MP4'),
        ('a', 'walk', 'a/walk/deep/er/2 2.webm'),
        ('b', 'clap', 'b/clap/1.avi'),
        ('c', 'clap', 'c/clap/1.avi'),
    ]
    assert others == {'.txt': 2}
    assert len(faults) == 3
    assert 'loose.mp4 is not in a folder' in faults[0]
    assert "class 'walk ' begins or ends with a blank" in faults[1]
    assert "domain 'all'" in faults[2]


def test_nothing_to_find(tmp_path):
    with pytest.raises(FileNotFoundError, match='not a folder'):
        find_clips(tmp_path / 'no')
    touch(tmp_path, 'a/b/c.txt')
    with pytest.raises(ValueError, match=r"no videos .*'\.txt': 1"):
        find_clips(tmp_path)


def rows(counts, **more):
    return [
        Clip(f'{d}/{c}/{i}.mp4', c, d, **more)
        for (d, c), n in counts.items()
        for i in range(n)
    ]


def test_split_is_stratified_and_seeded():
    counts = {('a', 'x'): 20, ('a', 'y'): 8, ('b', 'x'): 2, ('b', 'y'): 1}
    clips = rows(counts)
    split = assign_splits(clips, 0.25, seed=0)
    tested = Counter((c.domain, c.label) for c in split if c.split == 'test')
    assert tested == {('a', 'x'): 5, ('a', 'y'): 2, ('b', 'x'): 1}
    assert assign_splits(clips, 0.25, seed=0) == split
    # The order of the clips does not matter.
    backwards = assign_splits(clips[::-1], 0.25, seed=0)
    assert backwards[::-1] == split
    assert assign_splits(clips, 0.25, seed=1) != split


def test_groups_stay_together():
    clips = [
        Clip(f'{d}{i}.mp4', 'xy'[i % 2], d, group=f'person {i // 4}')
        for d in 'ab'
        for i in range(40)
    ]
    split = assign_splits(clips, 0.25, seed=3)
    assert not straddling(split)
    tested = Counter((c.domain, c.label) for c in split if c.split == 'test')
    assert tested.keys() == {(d, c) for d in 'ab' for c in 'xy'}
    assert 2 * 8 <= tested.total() <= 3 * 8
    # The segments of a file are a group.
    clips = [Clip(f'{i % 4}.mp4', 'x', 'a', start=float(i)) for i in range(40)]
    split = assign_splits(clips, 0.25, seed=3)
    assert not straddling(split)
    assert sum(c.split == 'test' for c in split) == 10
    # One of them may begin with the file.
    assign_splits([clips[0]._replace(start=None), *clips[1:]], 0.25, seed=3)


def test_given_splits_are_kept():
    clips = rows({('a', 'x'): 4}, group='p')
    clips[2] = clips[2]._replace(split='test')
    assert {c.split for c in assign_splits(clips, 0.25, 0)} == {'test'}
    assert empty_splits(assign_splits(clips, 0.25, 0)) == [
        "domain 'a' has no train clips, so it cannot be trained on"
    ]


def test_table_of_counts():
    split = assign_splits(rows({('a', 'x'): 4, ('b', 'yy'): 2}), 0.25, 0)
    assert format_counts(split).splitlines() == [
        'train + test      a      b    all',
        'x             3 + 1  0 + 0  3 + 1',
        'yy            0 + 0  1 + 1  1 + 1',
        'all           3 + 1  1 + 1  4 + 2',
    ]


def test_paths_from_another_folder(tmp_path):
    clips = [
        Clip('a/1.mp4', 'x', 'a', audio='a/1.wav'),
        Clip('/b.mp4', 'x', 'a'),
    ]
    moved = move_paths(clips, tmp_path / 'data', tmp_path / 'tables')
    assert moved[0][:5:4] == ('../data/a/1.mp4', '../data/a/1.wav')
    assert moved[1].path == '/b.mp4' and moved[1].audio == ''
