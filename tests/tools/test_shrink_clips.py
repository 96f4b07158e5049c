# Copyright (c) mmgmp authors.
"""The command line of tools/data/shrink_clips.py."""

import os
import shutil
from pathlib import Path

import pytest

from mmgmp.datasets.clips.table import read_clips
from mmgmp.datasets.media.video import VideoReader
from tests.utils.media import tone, write_wav

TOOL = Path(__file__).parents[2] / 'tools/data/shrink_clips.py'


@pytest.fixture
def root(own_clips, tmp_path):
    return shutil.copytree(own_clips, tmp_path / 'clips')


@pytest.fixture
def shrink(run_tool, capsys):
    """Exit status and output of a call in this process."""

    def shrink(*args):
        with pytest.raises(SystemExit) as stopped:
            run_tool(TOOL, *args)
        return stopped.value.code, *capsys.readouterr()

    return shrink


def files(folder):
    return {
        p.relative_to(folder).as_posix(): p.stat().st_mtime_ns
        for p in folder.rglob('*')
        if p.is_file()
    }


def test_tree(root, shrink, tmp_path):
    out = tmp_path / 'small'
    status, text, _ = shrink(root, out, '--short-side', 16, '--workers', 2)
    assert status == 0
    assert '18 copies written, 0 kept, 0 failed' in text
    found = files(out)
    assert {*found} == {
        name.replace('.MKV', '.mp4') for name in files(root)
    } - {'clips.csv'}
    image = VideoReader(str(out / next(iter(found)))).read([0])[0]
    assert image.shape == (16, 20, 3)
    # Only what is missing is written.
    name = [*found][3]
    (out / name).unlink()
    status, text, _ = shrink(root, out, '--short-side', 16)
    assert '1 copies written, 17 kept' in text
    again = files(out)
    assert {k for k in found if again[k] != found[k]} == {name}


def test_table(root, shrink, tmp_path):
    write_wav(root / 'sound.wav', tone(1))
    rows = root / 'rows.csv'
    rows.write_text(
        'path,label,domain,split,audio\n'
        'home/walk/walk 0.mp4,walk,a,test,sound.wav\n'
        'studio a/walk/walk 0.MKV,walk,b,train,\n'
    )
    out = tmp_path / 'small'
    args = (root, out, '--csv', rows, '--short-side', 16)
    assert shrink(*args)[0] == 0
    clips = read_clips(out / 'rows.csv')
    assert [c.path for c in clips] == [
        'home/walk/walk 0.mp4',
        'studio a/walk/walk 0.mp4',
    ]
    assert {*files(out)} == {'rows.csv', 'sound.wav', *(c.path for c in clips)}
    assert shrink(*args)[0] == 0
    (out / 'rows.csv').write_text('mine')
    status, _, err = shrink(*args)
    assert status == 2 and 'exists and differs' in err


def test_broken_file(root, shrink, tmp_path):
    path = root / 'home/walk/walk 0.mp4'
    path.write_bytes(path.read_bytes()[:400])
    status, text, err = shrink(root, tmp_path / 'small', '--short-side', 16)
    assert status == 1
    assert '17 copies written, 0 kept, 1 failed' in text
    assert 'error: home/walk/walk 0.mp4: media file' in err


def test_arguments(root, shrink, tmp_path):
    for args, words in (
        ((root, root / 'small'), 'must not be in'),
        ((tmp_path / 'no', tmp_path / 'small'), 'is not a folder'),
        ((root, tmp_path / 'small', '--short-side', 1), 'at least 16'),
    ):
        status, _, err = shrink(*args)
        assert status == 2 and words in err
    path = root / 'studio a/walk/walk 0.MKV'
    os.link(path, path.with_suffix('.mp4'))
    status, _, err = shrink(root, tmp_path / 'small')
    assert status == 2 and 'would both become' in err
