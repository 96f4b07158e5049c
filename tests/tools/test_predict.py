# Copyright (c) mmgmp authors.
"""The command line of tools/predict.py."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmgmp.datasets import MiniHACDataset
from mmgmp.datasets.media.audio import read_audio_track
from tests.utils.media import moving_frames, tone, write_video
from tests.utils.prediction import CONFIG, save_model

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/predict.py'


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A checkpoint, a clip, one without sound and a broken one."""
    root = tmp_path_factory.mktemp('predict')
    save_model(root / 'model.pth')
    frames = moving_frames(20)
    write_video(root / 'a.mp4', frames, 10, audio=tone(2)[None])
    write_video(root / 'mute.mp4', frames, 10)
    (root / 'broken.mp4').write_bytes(b'no video')
    return root


@pytest.fixture
def main(root, run_tool, capsys):
    """Exit status, stdout and stderr of a call in this process."""

    def run(*args, checkpoint='model.pth'):
        with pytest.raises(SystemExit) as stopped:
            run_tool(TOOL, CONFIG, root / checkpoint, '--device', 'cpu', *args)
        return stopped.value.code, *capsys.readouterr()

    return run


def test_in_a_process_of_its_own(root, tmp_path):
    files = [str(root / f'{name}.mp4') for name in ('broken', 'a', 'mute')]
    args = [CONFIG, root / 'model.pth', *files, '--json', '--topk', '3']
    done = subprocess.run(
        [sys.executable, TOOL, *args, '--device', 'cpu', '--out-dir', 'out'],
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert f'error: media file {files[0]}' in done.stderr
    assert 'mute.mp4 is predicted from the video alone' in done.stderr
    assert list(result['errors']) == files[:1]
    first, second = result['predictions']
    assert [first['filename'], second['filename']] == files[1:]
    assert first['missing'] == {}
    assert second['missing'] == {'audio': 'the file has no audio track'}
    assert len(first['classes']) == 3
    best = first['classes'][0]
    assert MiniHACDataset.METAINFO['classes'][best['label']] == best['name']
    assert set(best['scores']) >= {'fused', 'video', 'audio'}
    assert set(second['classes'][0]['scores']) >= {'fused', 'video'}
    assert 'audio' not in second['classes'][0]['scores']
    drawn = [tmp_path / name for name in result['visualization']]
    assert [path.name for path in drawn] == ['a.mp4', 'mute.mp4']
    assert read_audio_track(str(drawn[0]))[0].any()


@pytest.mark.parametrize(
    'name', ['2024-11-14T22:57:44.mp4', b'\xff:%03d.mp4'], ids=ascii
)
def test_any_name_in_the_current_folder(main, root, monkeypatch, name):
    name = os.fsdecode(name)
    folder = root / 'names'
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    Path(name).write_bytes((root / 'a.mp4').read_bytes())
    status, out, _ = main(name, '--topk', 1, '--out-dir', 'out')
    assert (status, 'no audio' in out) == (0, False)
    monkeypatch.chdir('out')
    assert read_audio_track(name)[0].any()
    # The copy has a name without a folder.
    monkeypatch.chdir(root)
    status, *_ = main(folder / name, '--topk', 1, '--out-dir', '.')
    assert status == 0
    assert Path(name).is_file()


def test_tables(main, root):
    args = [root / 'a.mp4', root / 'mute.mp4', '--topk', 2]
    status, out, err = main(*args, '--batch-size', 2)
    assert status == 0
    assert 'error' not in err
    lines = out.splitlines()
    assert len(lines) == 4 + 1 + 5
    assert lines[0] == str(root / 'a.mp4')
    assert lines[1].split() == ['score', '(%)', 'fused', 'video', 'audio']
    assert lines[4] == ''
    assert lines[6] == 'no audio: the file has no audio track'
    assert lines[7].split() == ['score', '(%)', 'fused', 'video']
    status, out, _ = main(args[0], '--json')
    classes = json.loads(out)['predictions'][0]['classes']
    row = [f'{100 * classes[0]["scores"][b]:.1f}' for b in ('fused', 'audio')]
    assert [classes[0]['name'], *row] == [
        lines[2].split()[i] for i in (0, 1, 3)
    ]


@pytest.mark.parametrize(
    ('extra', 'checkpoint', 'message'),
    [
        (['--topk', '0'], 'model.pth', '`topk` must be positive, got 0'),
        (['--device', 'a'], 'model.pth', "`device` 'a' cannot be used"),
        (['--out-dir', __file__], 'model.pth', 'is a file, not a folder'),
        ([], 'none.pth', 'none.pth does not exist'),
        ([], 'a.mp4', 'a.mp4 was not read'),
    ],
)
def test_wrong_arguments(main, root, extra, checkpoint, message):
    status, out, err = main(root / 'a.mp4', *extra, checkpoint=checkpoint)
    assert status == 2
    assert out == ''
    assert message in err


def test_settings_of_the_config_are_replaced(main, root):
    status, _, err = main(
        root / 'a.mp4',
        '--cfg-options',
        'test_dataloader.dataset.metainfo.classes=[a,b]',
    )
    assert status == 2
    assert 'the test dataset has 2' in err
