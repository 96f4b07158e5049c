# Copyright (c) mmgmp authors.
"""The command line of tools/data/verify_dataset.py, on generated twins."""

import json
import runpy
import shutil
import sys
from pathlib import Path

import av
import pytest

from tests.utils.media import moving_frames, tone, write_video, write_wav
from tests.utils.twins import EPIC_FOLDER, make_epic_twin, make_hac_twin

TOOL = Path(__file__).parents[2] / 'tools/data/verify_dataset.py'
ALL = ('--modalities', 'video', 'audio', 'flow')


@pytest.fixture(scope='module')
def twins(tmp_path_factory):
    root = tmp_path_factory.mktemp('twins')
    make_hac_twin(root / 'hac', num_frames=8)
    for media in ('clips', 'frames'):
        make_epic_twin(root / media, media, num_frames=8)
    return root


@pytest.fixture
def tree(twins, tmp_path, request):
    return shutil.copytree(twins / request.param, tmp_path / request.param)


def verify(monkeypatch, capsys, root, *args, counts=False):
    """Exit status, report and output of the tool."""
    dataset = ['hac'] if root.name == 'hac' else ['epic_kitchens']
    if root.name == 'frames':
        args += ('--media', 'frames')
    if not counts:
        args += ('--no-counts',)
    report = root.parent / 'report.json'
    argv = [TOOL, *dataset, root, *args, '--json', report]
    monkeypatch.setattr(sys, 'argv', [*map(str, argv)])
    with pytest.raises(SystemExit) as exit_:
        runpy.run_path(str(TOOL), run_name='__main__')
    return (
        exit_.value.code,
        json.loads(report.read_text()),
        capsys.readouterr().out,
    )


def only_fault(result, kind, path):
    status, report, out = result
    assert status == 1
    assert [(f['kind'], f['path']) for f in report['faults']] == [
        (kind, str(path))
    ]
    assert f'faults: 1 {kind}\n' in out
    assert any(
        line.startswith(f'{kind}: ') and str(path) in line
        for line in out.splitlines()
    )


@pytest.mark.parametrize('decode', [(), ('--decode',)])
@pytest.mark.parametrize(
    'name, num_files',
    # 12 clips of 2 flow files each; 12 actions in 6 videos.
    [('hac', 48), ('clips', 42), ('frames', 12 * (8 + 2 * 4) + 6)],
)
def test_complete_tree(twins, monkeypatch, capsys, name, num_files, decode):
    result = verify(monkeypatch, capsys, twins / name, *ALL, *decode)
    status, report, out = result
    assert (status, report['faults']) == (0, [])
    assert report['num_files'] == num_files
    assert f'{num_files} files checked, faults: none' in out


def test_rows_beside_the_published_ones(twins, monkeypatch, capsys):
    status, report, out = verify(
        monkeypatch, capsys, twins / 'hac', counts=True
    )
    assert status == 1
    # Labels 0, 1, ... in turn over the splits; one training clip of 'human' is
    # also in the test file.
    assert report['rows']['human test'] == [1, 0, 1, 1, 0, 0, 0]
    assert report['rows']['animal train'] == [0, 0, 0, 0, 1, 1, 0]
    assert {f['kind'] for f in report['faults']} == {'rows'}
    assert len(report['faults']) == 6
    assert (
        'rows: the test split of human has 3 rows, by class (1, 0, 1, 1, 0, '
        '0, 0); expected 276, (39, 40, 39, 40, 40, 38, 40)'
    ) in out


FILES = [
    ('hac', 'human/videos/human_train_1 .mp4'),
    ('hac', 'cartoon/flow/cartoon_test_0_flow_y.mp4'),
    ('clips', f'{EPIC_FOLDER}/video/train/D1/D1_P08_01_31_39_0.mp4'),
    ('clips', f'{EPIC_FOLDER}/flow/train/D1/D1_P08_01_16_20_0_v.mp4'),
    ('clips', f'{EPIC_FOLDER}/audio/test/D3/P22_11.wav'),
    ('frames', 'rgb/train/D1/P08_01/frame_0000000038.jpg'),
    ('frames', 'flow/train/D1/P08_01/v/frame_0000000019.jpg'),
    ('frames', 'rgb/test/D2/P01_11.wav'),
]


@pytest.mark.parametrize('tree, name', FILES, indirect=['tree'])
def test_missing_file(tree, name, monkeypatch, capsys):
    (tree / name).unlink()
    result = verify(monkeypatch, capsys, tree, *ALL)
    only_fault(result, 'missing', tree / name)


@pytest.mark.parametrize('tree', ['hac', 'clips', 'frames'], indirect=True)
def test_modality_that_is_not_used(tree, monkeypatch, capsys):
    for _, name in FILES:
        if 'flow' in name and (tree / name).exists():
            (tree / name).unlink()
    assert verify(monkeypatch, capsys, tree)[0] == 0
    used = ('--modalities', 'audio', 'flow')
    assert verify(monkeypatch, capsys, tree, *used)[0] == 1


@pytest.mark.parametrize('tree, name', FILES, indirect=['tree'])
def test_truncated_file(tree, name, monkeypatch, capsys):
    data = (tree / name).read_bytes()
    (tree / name).write_bytes(data[: 2 * len(data) // 3])
    # The start of an image file does not show whether its end is missing.
    decode = ['--decode'] if name.endswith('jpg') else []
    result = verify(monkeypatch, capsys, tree, *ALL, *decode)
    only_fault(result, 'unreadable', tree / name)


@pytest.mark.parametrize('tree, name', FILES, indirect=['tree'])
def test_empty_file(tree, name, monkeypatch, capsys):
    (tree / name).write_bytes(b'')
    result = verify(monkeypatch, capsys, tree, *ALL)
    only_fault(result, 'unreadable', tree / name)


@pytest.mark.parametrize('tree', ['hac'], indirect=True)
def test_only_decoding_finds_a_video_without_its_end(
    tree, monkeypatch, capsys
):
    path = tree / 'animal/videos/animal_test_1.mp4'
    write_video(path, moving_frames(20), faststart=True)
    path.write_bytes(path.read_bytes()[:-400])
    write_wav(tree / 'animal/audio/animal_test_1.wav', tone(20 / 24))
    assert verify(monkeypatch, capsys, tree)[0] == 0
    result = verify(monkeypatch, capsys, tree, '--decode')
    only_fault(result, 'unreadable', path)


@pytest.mark.parametrize(
    'tree, name',
    [
        ('hac', 'human/videos/other.mp4'),
        ('hac', 'human/audio/other.wav'),
        ('clips', f'{EPIC_FOLDER}/flow/train/D1/other_u.mp4'),
        ('frames', 'rgb/train/D1/P08_99.wav'),
        ('frames', 'flow/test/D2/P01_11/u/frame_1.jpg'),
    ],
    indirect=['tree'],
)
def test_surplus_file(tree, name, monkeypatch, capsys):
    (tree / name).write_bytes(b'x')
    result = verify(monkeypatch, capsys, tree, *ALL)
    only_fault(result, 'surplus', tree / name)


@pytest.mark.parametrize(
    'tree, name',
    [
        ('hac', 'human/videos/.hidden'),
        # Between two actions.
        ('frames', 'rgb/train/D1/P08_01/frame_0000000040.jpg'),
    ],
    indirect=['tree'],
)
def test_files_that_are_no_surplus(tree, name, monkeypatch, capsys):
    (tree / name).write_bytes(b'x')
    assert verify(monkeypatch, capsys, tree, *ALL)[0] == 0


@pytest.mark.parametrize('tree', ['hac'], indirect=True)
def test_track_of_the_video_stands_in_for_a_wav_file(
    tree, monkeypatch, capsys
):
    wav = tree / 'human/audio/human_test_0.wav'
    wav.unlink()
    video = tree / 'human/videos/human_test_0.mp4'
    result = verify(monkeypatch, capsys, tree)
    only_fault(result, 'missing', wav)
    assert f'{video} has no audio track' in result[2]
    write_video(video, moving_frames(8), 12, audio=tone(8 / 12)[None])
    assert verify(monkeypatch, capsys, tree, '--decode')[0] == 0
    video.unlink()
    missing = verify(monkeypatch, capsys, tree)[1]['faults']
    assert [f['path'] for f in missing] == [str(video), str(wav)]


@pytest.mark.parametrize('tree', ['hac', 'clips'], indirect=True)
def test_split_files(tree, monkeypatch, capsys):
    splits = tree / ('HAC_Splits' if tree.name == 'hac' else EPIC_FOLDER)
    names = (
        ['HAC_test_only_animal.csv', 'HAC_train_only_human.csv']
        if tree.name == 'hac'
        else ['D2_test.csv', 'D1_train.csv']
    )
    (splits / names[0]).unlink()
    (splits / names[1]).write_bytes(b'nonsense')
    status, report, out = verify(monkeypatch, capsys, tree)
    assert status == 1
    for kind, name in zip(('missing', 'unreadable'), names):
        assert any(
            f['kind'] == kind and name in f['message']
            for f in report['faults']
        ), (kind, name, out)


def test_form_of_a_data_set_that_has_one(twins, monkeypatch, capsys):
    argv = [str(TOOL), 'hac', str(twins / 'hac'), '--media', 'frames']
    monkeypatch.setattr(sys, 'argv', argv)
    with pytest.raises(SystemExit) as exit_:
        runpy.run_path(str(TOOL), run_name='__main__')
    assert exit_.value.code == 2
    assert '--media is not for hac' in capsys.readouterr().err


@pytest.mark.parametrize('tree', ['hac'], indirect=True)
def test_only_decoding_finds_damage(tree, monkeypatch, capsys):
    path = tree / 'animal/videos/animal_test_1.mp4'
    write_video(path, moving_frames(40, 96, 128))
    write_wav(tree / 'animal/audio/animal_test_1.wav', tone(40 / 24))
    with av.open(str(path)) as container:
        packet = [*container.demux(video=0)][20]
    with open(path, 'r+b') as file:
        file.seek(packet.pos + packet.size // 2)
        file.write(bytes(packet.size // 2))
    assert verify(monkeypatch, capsys, tree)[0] == 0
    result = verify(monkeypatch, capsys, tree, '--decode')
    only_fault(result, 'unreadable', path)
    assert 'of 40 frames can be decoded' in result[2]


@pytest.mark.parametrize('tree', ['clips'], indirect=True)
def test_pickled_split_file_is_to_be_converted(tree, monkeypatch, capsys):
    table = tree / EPIC_FOLDER / 'D1_train.csv'
    table.rename(table.with_suffix('.pkl'))
    status, report, _ = verify(monkeypatch, capsys, tree)
    (fault,) = (f for f in report['faults'] if f['kind'] == 'missing')
    assert status == 1
    assert f'convert_splits.py {table.parent}`' in fault['message']


@pytest.mark.parametrize('tree', ['hac'], indirect=True)
def test_same_video_in_two_domains_or_classes(tree, monkeypatch, capsys):
    first = tree / 'human/videos/human_train_0.mp4'
    for copy in ('animal/videos/animal_train_0', 'human/videos/human_test_1'):
        kept = (tree / f'{copy}.mp4').read_bytes()
        shutil.copy(first, tree / f'{copy}.mp4')
        result = verify(monkeypatch, capsys, tree)
        only_fault(result, 'duplicate', tree / f'{copy}.mp4')
        assert f'is the same video as {first} (domain human' in result[2]
        (tree / f'{copy}.mp4').write_bytes(kept)


def test_folder_of_the_report_is_checked_first(twins, monkeypatch, capsys):
    report = twins / 'nowhere/report.json'
    argv = [TOOL, 'hac', twins / 'hac', '--json', report]
    monkeypatch.setattr(sys, 'argv', [*map(str, argv)])
    with pytest.raises(SystemExit) as exit_:
        runpy.run_path(str(TOOL), run_name='__main__')
    assert exit_.value.code == 2
    assert 'no such folder' in capsys.readouterr().err
