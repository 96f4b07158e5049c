# Copyright (c) mmgmp authors.
"""The command line of tools/data/index_clips.py."""

import shutil
from pathlib import Path

import pytest

from mmgmp.datasets.clips.table import read_clips
from tests.utils.leaves import read_leaf
from tests.utils.media import moving_frames, tone, write_video
from tests.utils.own_clips import DOMAINS

TOOL = Path(__file__).parents[2] / 'tools/data/index_clips.py'


@pytest.fixture
def root(own_clips, tmp_path, monkeypatch):
    """A copy without the table, in the working directory."""
    monkeypatch.chdir(tmp_path)
    ignore = shutil.ignore_patterns('clips.csv')
    return shutil.copytree(own_clips, tmp_path / 'my clips', ignore=ignore)


@pytest.fixture
def index(run_tool, capsys):
    """Exit status and output of a call in this process."""

    def index(*args):
        status = 0
        try:
            run_tool(TOOL, *args)
        except SystemExit as stopped:
            status = stopped.code
        out, err = capsys.readouterr()
        return status, out, err

    return index


def test_folder(root, index):
    status, out, _ = index(root)
    assert status == 0
    assert 'note: frames per second of studio-b: 5 (6)' in out
    assert 'note: 12 clips are shorter than the 2 s' in out
    table = [line.split() for line in out.splitlines()]
    assert [
        'all',
        *['4', '+', '2', '4', '+', '2', '4', '+', '2', '12', '+', '6'],
    ] in table
    assert len(read_clips(root / 'clips.csv')) == 18
    cfg = read_leaf('gmp', dataset='my_clips.py')
    assert cfg.work_dir.startswith('work_dirs/gmp/my_clips_')
    # The same call again writes the same files.
    written = root / 'clips.csv', Path('my_clips.py')
    before = [path.read_bytes() for path in written]
    assert index(root)[0] == 0
    assert before == [path.read_bytes() for path in written]


@pytest.mark.parametrize('name', ['my clips/clips.csv', 'my_clips.py'])
def test_file_of_the_user_is_kept(root, index, name):
    Path(name).write_text('mine')
    status, _, err = index(root)
    assert status == 2
    assert f'{name} exists and differs' in err
    assert Path(name).read_text() == 'mine'
    # Neither is written.
    assert (root / 'clips.csv').exists() != Path('my_clips.py').exists()


@pytest.fixture
def faulty(root):
    home = root / DOMAINS[0]
    (home / 'walk/broken.mp4').write_bytes(b'no video')
    (root / 'loose.mp4').write_bytes(b'no class')
    write_video(home / 'walk/mute.mp4', moving_frames(20), 10)
    write_video(home / 'clap/half.mp4', moving_frames(20), 10, tone(1)[None])
    shutil.copy(home / 'clap/clap 0.mp4', home / 'walk/copy.mp4')
    shutil.rmtree(root / DOMAINS[1] / 'clap')
    return root


def test_all_faults_at_once(faulty, index):
    status, out, _ = index(faulty)
    assert status == 1
    lines = out.splitlines()
    for start, word in (
        ('name: ', 'loose.mp4'),
        ('unreadable: ', 'broken.mp4'),
        ('silent: ', 'mute.mp4 has no audio track'),
        ('short: ', 'half.mp4'),
        ('duplicate: ', 'copy.mp4 (domain home, class walk) is the same'),
        ('note: ', "domain 'studio a' has no clip of the classes ['clap']"),
    ):
        assert any(x.startswith(start) and word in x for x in lines), start
    assert (
        'faults: 1 name, 2 duplicate, 1 short, 1 unreadable, 1 silent; 5 of '
        '19 clips are faulty'
    ) in out
    assert 'nothing was written' in out
    assert not (faulty / 'clips.csv').exists()
    assert not Path('my_clips.py').exists()


def test_faulty_clips_are_left_out(faulty, index):
    status, out, _ = index(faulty, '--skip-faulty', '--allow-silence')
    assert status == 0
    assert 'note: my clips/home/walk/mute.mp4 has no' in out.replace(
        str(faulty.parent) + '/', ''
    )
    names = [clip.path for clip in read_clips(faulty / 'clips.csv')]
    assert len(names) == 16
    assert 'home/walk/mute.mp4' in names and 'home/clap/half.mp4' in names
    assert not {'home/walk/copy.mp4', 'home/clap/clap 0.mp4'} & {*names}


def test_table_of_the_user(root, index, tmp_path):
    rows = tmp_path / 'rows.csv'
    rows.write_text(
        'path,label,domain,split,stop,group\n'
        'home/walk/walk 0.mp4,walk,a,test,0.5,\n'
        'home/clap/clap 0.mp4,clap,a,train,,p\n'
        'studio a/walk/walk 0.MKV,walk,b,,,p\n'
        'studio a/walk/x/y/walk 1.MKV,walk,b,,,q\n'
        'studio a/walk/x/y/walk 2.MKV,walk,b,,,r\n'
    )
    out = tmp_path / 'out'
    args = ['--csv', rows, '--table', out / 't.csv', '--setting', out / 's.py']
    status, text, err = index(root, *args, '--encoders', 'pretrained')
    assert status == 0, text + err
    clips = {clip.path: clip for clip in read_clips(out / 't.csv')}
    first = clips['../my clips/home/walk/walk 0.mp4']
    assert (first.domain, first.split, first.stop) == ('a', 'test', 0.5)
    # The group has a training clip.
    assert clips['../my clips/studio a/walk/walk 0.MKV'].split == 'train'
    cfg = read_leaf('erm', dataset=str(out / 's.py'), target='a')
    assert 'pretrained' in cfg
    rows.write_text(
        'path,label,domain,split,group\n'
        'home/walk/walk 0.mp4,walk,a,test,p\n'
        'home/clap/clap 0.mp4,clap,a,train,p\n'
        'no.mp4,clap,b,train,\n'
        'no.mp4,clap,b,val,\n'
    )
    status, text, _ = index(root, *args)
    assert status == 1
    assert "the group 'p' is in split test" in text
    assert "must be train or test, got 'val'" in text
    assert f'missing: {root}/no.mp4 is missing' in text


@pytest.mark.parametrize(
    ('args', 'words'),
    [
        ([], 'pass a folder, or --csv'),
        (['no'], 'no is not a folder'),
        (['.', '--encoders', 'smal'], "did you mean 'small'"),
        (['.', '--test-share', '1'], r'--test-share must be in'),
        (['.', '--setting', 'a.txt'], 'must end in .py'),
    ],
)
def test_arguments(index, root, args, words):
    status, _, err = index(*args)
    assert status == 2 and words in err


def test_one_domain(root, index):
    for domain in DOMAINS[1:]:
        shutil.rmtree(root / domain)
    status, _, err = index(root)
    assert status == 2 and 'two domains or more' in err
    assert not (root / 'clips.csv').exists()


def test_command_can_be_copied(root, index):
    (root / DOMAINS[2]).rename(root / 'z b')
    status, out, _ = index(root, '--setting', 'a set.py')
    assert status == 0
    assert "--dataset 'a set.py' --target 'z b' --test" in out


def test_data_that_cannot_be_trained(root, index):
    for domain in DOMAINS:
        shutil.rmtree(root / domain / 'clap')
    status, _, err = index(root)
    assert status == 2
    assert 'two classes or more' in err
    assert not (root / 'clips.csv').exists()
