# Copyright (c) mmgmp authors.
"""`HACDataset` reads HAC's layout and reports every mistake in it."""

import shutil

import pytest

from mmgmp.datasets import HACDataset, hac
from tests.utils.twins import make_hac_twin


def names(dataset):
    return [
        dataset.get_data_info(i)['filename'].rpartition('/')[2]
        for i in range(len(dataset))
    ]


def test_item(clean):
    dataset = HACDataset(str(clean), ['human'], 'train')
    assert dataset[1] == dict(
        filename=str(clean / 'human/videos/b b .mp4'),
        audio_path=str(clean / 'human/audio/b b .wav'),
        label=6,
        domain=0,
        domain_name='human',
        alignment='true_fps',
        modality='RGB',
        start_index=0,
        sample_idx=1,
    )


@pytest.mark.parametrize(
    ('split', 'expected'),
    [
        ('train', ['d', 'e', 'f', 'a', 'b b ']),
        ('test', ['drinking_54 ', 'h', 'c']),
        ('all', ['drinking_54 ', 'h', 'd', 'e', 'f', 'c', 'a', 'b b ']),
    ],
)
def test_splits_and_order(clean, split, expected):
    dataset = HACDataset(str(clean), ['cartoon', 'human'], split)
    assert names(dataset) == [f'{stem}.mp4' for stem in expected]


def test_metainfo(clean):
    dataset = HACDataset(
        clean, ('cartoon',), 'test', source_domains=['human', 'animal']
    )
    assert dataset.metainfo['domains'] == ('cartoon',)
    assert dataset.metainfo['source_domains'] == ('human', 'animal')
    classes = 'sleeping watching_tv eating drinking swimming running'
    assert dataset.metainfo['classes'] == (*classes.split(), 'opening_door')
    assert HACDataset.DOMAINS == ('human', 'animal', 'cartoon')


def test_domain_is_the_index_among_the_sources(clean):
    def domains(*args, **kwargs):
        dataset = HACDataset(str(clean), *args, **kwargs)
        infos = map(dataset.get_data_info, range(len(dataset)))
        return [(info['domain_name'], info['domain']) for info in infos]

    assert domains(['human', 'cartoon'], 'test') == [
        ('human', 0),
        ('cartoon', 1),
        ('cartoon', 1),
    ]
    sources = ['animal', 'human']
    assert domains(['human'], 'test', source_domains=sources) == [('human', 1)]
    assert set(domains(['cartoon'], 'all', source_domains=sources)) == {
        ('cartoon', -1)
    }


# --- published forms ---------------------------------------------------------


@pytest.fixture(scope='module', params=[False, True])
def twin(request, tmp_path_factory):
    """Folder of the twin, and of its domains' folders."""
    root = tmp_path_factory.mktemp('twin')
    make_hac_twin(root, num_frames=12, nested=request.param)
    return root, root / 'HAC_Splits' if request.param else root


def test_both_places_of_the_media(twin):
    root, media = twin
    dataset = HACDataset(
        str(root), ['animal'], 'train', modalities=('video', 'flow')
    )
    stem = f'{media}/animal/flow/animal_train_1 _flow_'
    item = dataset.get_data_info(1)
    assert item['flow_paths'] == (f'{stem}x.mp4', f'{stem}y.mp4')
    assert item['filename'] == f'{media}/animal/videos/animal_train_1 .mp4'
    assert item['audio_path'] == f'{media}/animal/audio/animal_train_1 .wav'
    plain = HACDataset(str(root), ['animal'], 'train', alignment='as_released')
    assert 'flow_paths' not in plain.get_data_info(1)
    assert plain.get_data_info(1)['alignment'] == 'as_released'


@pytest.mark.parametrize(
    ('split', 'kept', 'dropped'),
    [
        ('train', ['train_0', 'train_1 '], ['train_1 ']),
        (
            'test',
            ['test_0', 'test_1', 'train_0'],
            ['test_0', 'test_1', 'train_0'],
        ),
        (
            'all',
            ['test_0', 'test_1', 'train_0', 'train_0', 'train_1 '],
            ['test_0', 'test_1', 'train_0', 'train_1 '],
        ),
    ],
)
def test_duplicates(twin, split, kept, dropped):
    for duplicates, expected in (('keep', kept), ('drop', dropped)):
        dataset = HACDataset(
            str(twin[0]), ['human'], split, duplicates=duplicates
        )
        assert names(dataset) == [f'human_{stem}.mp4' for stem in expected]
    default = HACDataset(str(twin[0]), ['human'], split)
    assert names(default) == [f'human_{stem}.mp4' for stem in kept]
    with pytest.raises(ValueError, match="duplicates.*'remove'"):
        HACDataset(str(twin[0]), ['human'], split, duplicates='remove')


def test_only_the_media_in_use_have_to_be_there(twin, tmp_path):
    root = shutil.copytree(twin[0], tmp_path / 'hac')
    media = root / twin[1].relative_to(twin[0])

    def build(*modalities):
        return HACDataset(
            str(root), ['animal'], 'train', modalities=modalities
        )

    (media / 'animal/flow/animal_train_0_flow_y.mp4').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of 6.*flow_y\.mp4'):
        build('video', 'flow')
    shutil.rmtree(media / 'animal/flow')
    with pytest.raises(FileNotFoundError, match='the flow files of domain'):
        build('audio', 'flow')
    build('video', 'audio')
    (media / 'animal/audio/animal_train_0.wav').unlink()
    build('audio')  # from the track of the video
    shutil.rmtree(media / 'animal/videos')
    with pytest.raises(FileNotFoundError, match=r'1 of 2.*train_0\.mp4'):
        build('audio')
    with pytest.raises(FileNotFoundError, match='the video files of domain'):
        build('video', 'audio')


# --- folders and repeated clips ----------------------------------------------


def write_table(root, *rows, split='train'):
    table = root / f'HAC_Splits/HAC_{split}_only_human.csv'
    table.write_bytes('\n'.join(rows).encode('utf-8-sig'))


def test_clips_of_two_folders_have_their_own_sound(root):
    videos = root / 'human/videos'
    for folder in ('x', 'y'):
        (videos / folder).mkdir()
        shutil.copy(videos / 'a.mp4', videos / folder)
    write_table(root, 'x/a.mp4,0', 'y/a.mp4,1', './a.mp4,2')
    modalities = ('video', 'audio', 'flow')
    (root / 'human/flow').mkdir()
    dataset = HACDataset(
        str(root), ['human'], 'train', modalities=modalities, on_corrupt='skip'
    )
    items = [dataset.get_data_info(i) for i in range(3)]
    for item, stem in zip(items, ('x/a', 'y/a', 'a'), strict=True):
        assert item['audio_path'] == str(root / f'human/audio/{stem}.wav')
        assert item['flow_paths'][1] == str(
            root / f'human/flow/{stem}_flow_y.mp4'
        )


def test_videos_that_would_share_a_wav_file_are_refused(root):
    shutil.copy(root / 'human/videos/a.mp4', root / 'human/videos/a.mkv')
    write_table(root, 'a.mp4,0', 'a.mkv,0')
    with pytest.raises(ValueError, match=r"line 2: 'a\.mkv'.*line 1.*a\.wav"):
        HACDataset(str(root), ['human'], 'train')
    HACDataset(str(root), ['human'], 'train', modalities=['video'])
    # Then each has the track of its own.
    (root / 'human/audio/a.wav').unlink()
    HACDataset(str(root), ['human'], 'train')


def test_clip_in_both_split_files(root, monkeypatch):
    messages = []
    monkeypatch.setattr(hac, 'warn_once', messages.append)
    write_table(root, 'a.mp4,0', 'c.mp4,1', split='test')
    for split in ('train', 'test', 'all'):
        HACDataset(str(root), ['human'], split)
        HACDataset(str(root), ['human'], split, duplicates='drop')
    assert len(messages) == 3
    assert "domain 'human'" in messages[0] and 'have 1 of' in messages[0]
    write_table(root, 'a.mp4,4', 'c.mp4,1', split='test')
    for split in ('train', 'test', 'all'):
        with pytest.raises(ValueError, match='is 0, but 4 in .*test_only'):
            HACDataset(str(root), ['human'], split)
    # A split file that is not used may have any fault.
    write_table(root, 'a.mp4,9', split='test')
    assert len(HACDataset(str(root), ['human'], 'train')) == 2


# --- mistakes ---------------------------------------------------------------


def test_missing_folder_or_table(root):
    def fails(words, data_root=root):
        with pytest.raises(FileNotFoundError, match=words):
            HACDataset(str(data_root), ['human'], 'all')

    fails('data_root.*nowhere', root / 'nowhere')
    (root / 'HAC_Splits/HAC_test_only_human.csv').unlink()
    fails('HAC_test_only_human.csv is missing')
    shutil.rmtree(root / 'human/videos')
    fails('human/videos is missing')


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        ('a.mp4,0\nc.mp4,7\n', r"line 2: .* from 0 to 6, got '7'"),
        ('a.mp4,-1\n', r"line 1: .*, got '-1'"),
        ('\na.mp4,one\n', r"line 2: .*, got 'one'"),
        ('a.mp4,1.0\n', r"line 1: .*, got '1.0'"),
        ('file,label\na.mp4,0\n', r"line 1: .*, got 'label'"),
        ('a.mp4\n', r"line 1: .*\['a.mp4'\]"),
        ('a.mp4,1,2\n', 'line 1'),
        (',1\n', 'line 1'),
        ('', 'has no rows'),
        ('\n\n', 'has no rows'),
    ],
)
def test_wrong_table(root, content, words):
    table = root / 'HAC_Splits/HAC_train_only_human.csv'
    table.write_text(content)
    with pytest.raises(ValueError, match=words) as error:
        HACDataset(str(root), ['human'], 'train')
    assert str(table) in str(error.value)


def test_missing_videos_are_found_at_construction(root):
    for name in ('d', 'f'):
        (root / f'cartoon/videos/{name}.mp4').unlink()
    with pytest.raises(FileNotFoundError, match='2 of 3 media files') as error:
        HACDataset(str(root), ['human', 'cartoon'], 'train')
    assert str(root / 'cartoon/videos/d.mp4') in str(error.value)
