"""`HACDataset` reads HAC's layout and names every mistake and defect."""

import random
import shutil

import numpy as np
import pytest
import torch
from mmengine.runner import set_random_seed
from torch.utils.data import DataLoader

from mmgmp.datasets import CorruptMediaError, HACDataset
from mmgmp.datasets.synthetic.spec import CLASSES, DOMAINS
from tests.utils.media import tone, write_hac, write_wav
from tests.utils.twins import make_hac_twin

ROWS = {
    ('train', 'human'): [('a.mp4', 0), ('b b .mp4', 6)],
    ('test', 'human'): [('c.mp4', 1)],
    ('train', 'cartoon'): [('d.mp4', 2), ('e.mp4', 2), ('f.mp4', 2)],
    ('test', 'cartoon'): [('drinking_54 .mp4', 3), ('h.mp4', 4)],
}
LOAD = [
    dict(type='LoadVideo'),
    dict(type='SampleFrames', clip_len=4, test_mode=True),
    dict(type='SelectFrames'),
    dict(type='LoadAudio'),
]
STOCK = [
    dict(type='PyAVInit'),
    dict(type='SampleFrames', clip_len=4, test_mode=True),
    dict(type='PyAVDecode'),
]


@pytest.fixture(scope='module')
def clean(tmp_path_factory):
    return write_hac(tmp_path_factory.mktemp('hac'), ROWS, num_frames=12)


@pytest.fixture
def root(clean, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(clean, tmp_path / 'hac')


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
    assert dataset.metainfo['classes'] == CLASSES
    assert HACDataset.DOMAINS == DOMAINS


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
    with pytest.raises(FileNotFoundError, match='the flow of domain'):
        build('audio', 'flow')
    build('video', 'audio')
    (media / 'animal/audio/animal_train_0.wav').unlink()
    build('audio')  # from the track of the video
    shutil.rmtree(media / 'animal/videos')
    with pytest.raises(FileNotFoundError, match=r'1 of 2.*train_0\.mp4'):
        build('audio')
    with pytest.raises(FileNotFoundError, match='the video of domain'):
        build('video', 'audio')


# --- mistakes ---------------------------------------------------------------


@pytest.mark.parametrize(
    ('changes', 'error', 'words'),
    [
        (dict(domains=['human', 'dog']), ValueError, "'dog'"),
        (dict(domains=[]), ValueError, '`domains` must be one or more'),
        (dict(domains=['human', 'human']), ValueError, 'each once'),
        (dict(domains='human'), TypeError, r"write \['human'\]"),
        (dict(source_domains='human'), TypeError, 'source_domains'),
        (dict(source_domains=['dog']), ValueError, "source_domains.*'dog'"),
        (dict(split='val'), ValueError, "split.*'val'"),
        (dict(on_corrupt='ignore'), ValueError, "on_corrupt.*'ignore'"),
    ],
)
def test_wrong_argument(clean, changes, error, words):
    arguments = dict(data_root=str(clean), domains=['human'], split='train')
    with pytest.raises(error, match=words):
        HACDataset(**{**arguments, **changes})


def test_target_among_the_sources(clean):
    with pytest.raises(ValueError, match='target must not be among'):
        HACDataset(
            str(clean), ['human'], 'all', source_domains=['human', 'cartoon']
        )
    with pytest.raises(ValueError, match='not in `source_domains`'):
        HACDataset(str(clean), ['human'], 'train', source_domains=['cartoon'])


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


# --- corrupt media ----------------------------------------------------------


def damage(root, kind):
    """Damage the video or the audio of `e`; return the path."""
    video, audio = root / 'cartoon/videos/e.mp4', root / 'cartoon/audio/e.wav'
    if kind == 'missing video':
        video.unlink()
        return video
    if kind == 'missing audio':  # nor has the video an audio track
        audio.unlink()
        return video
    path = video if 'video' in kind else audio
    if kind.startswith('truncated'):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif kind.startswith('empty'):
        path.write_bytes(b'')
    else:
        write_wav(path, np.zeros(16000))
    return path


KINDS = [
    'missing video',
    'truncated video',
    'empty video',
    'missing audio',
    'truncated audio',
    'empty audio',
    'silent audio',
]


@pytest.mark.parametrize('kind', KINDS)
def test_corrupt_file_is_named(root, kind):
    dataset = HACDataset(str(root), ['cartoon'], 'train', pipeline=LOAD)
    path = damage(root, kind)
    with pytest.raises(CorruptMediaError, match=path.name) as error:
        dataset[1]
    assert str(path) in str(error.value)


@pytest.mark.parametrize('kind', ['missing video', 'truncated video'])
@pytest.mark.parametrize('on_corrupt', ['raise', 'skip'])
def test_error_of_a_stock_decoder_gets_the_name(root, kind, on_corrupt):
    dataset = HACDataset(
        str(root), ['cartoon'], 'train', pipeline=STOCK, on_corrupt=on_corrupt
    )
    path = damage(root, kind)
    if on_corrupt == 'skip':
        assert dataset[1]['filename'] != str(path)
        assert dataset.num_corrupt == 1
    else:
        with pytest.raises(CorruptMediaError, match=path.name):
            dataset[1]


@pytest.mark.parametrize('kind', KINDS)
def test_corrupt_sample_is_replaced_within_its_domain(root, kind):
    damage(root, kind)
    dataset = HACDataset(
        str(root),
        ['human', 'cartoon'],
        'train',
        pipeline=LOAD,
        on_corrupt='skip',
    )
    assert dataset.num_corrupt == 0
    epochs = []
    for _ in range(4):
        results = [dataset[i] for i in range(5)]
        assert [r['domain'] for r in results] == [0, 0, 1, 1, 1]
        assert len(results[3]['imgs']) == 4
        assert dataset.num_corrupt == 1
        epochs.append([r['filename'].rpartition('/')[2] for r in results])
    expected = names(dataset)
    expected[3] = epochs[0][3]
    assert expected[3] in ('d.mp4', 'f.mp4')
    assert epochs == [expected] * 4  # the same replacement each time


def draw(results):
    results['drawn'] = random.random(), np.random.rand(), torch.rand(2)
    return results


def test_replacement_draws_the_same_numbers_every_time(root):
    damage(root, 'truncated video')
    dataset = HACDataset(
        str(root),
        ['cartoon'],
        'train',
        pipeline=[draw, *LOAD, draw],
        on_corrupt='skip',
    )
    drawn = []
    for _ in range(2):
        set_random_seed(1)
        drawn.append(dataset[1]['drawn'])
    assert drawn[0][:2] == drawn[1][:2]
    assert torch.equal(drawn[0][2], drawn[1][2])


def test_replacement_is_logged_once(root, monkeypatch):
    messages = []
    monkeypatch.setattr(
        'mmgmp.datasets.domain_dataset.print_log',
        lambda message, **_: messages.append(message),
    )
    path = damage(root, 'silent audio')
    dataset = HACDataset(
        str(root), ['cartoon'], 'train', pipeline=LOAD, on_corrupt='skip'
    )
    for _ in range(3):
        dataset[1]
    assert len(messages) == 1
    assert str(path) in messages[0]
    assert '1 of 3 samples' in messages[0]


def test_nothing_left_to_replace_with(root):
    for name in 'def':
        (root / f'cartoon/videos/{name}.mp4').write_bytes(b'')
    dataset = HACDataset(
        str(root),
        ['human', 'cartoon'],
        'train',
        pipeline=LOAD,
        on_corrupt='skip',
    )
    with pytest.raises(CorruptMediaError, match=r"every sample.*'cartoon'"):
        dataset[3]
    assert dataset.num_corrupt == 3
    assert dataset[0]['domain_name'] == 'human'


def fail(results):
    raise KeyError('imgs')


@pytest.mark.parametrize('on_corrupt', ['raise', 'skip'])
def test_a_mistake_in_the_pipeline_is_not_taken_for_a_corrupt_file(
    clean, on_corrupt
):
    dataset = HACDataset(
        str(clean), ['human'], 'test', pipeline=[fail], on_corrupt=on_corrupt
    )
    with pytest.raises(RuntimeError, match=r"c\.mp4: KeyError\('imgs'\)"):
        dataset[0]
    assert dataset.num_corrupt == 0


def loader(dataset, **kwargs):
    return DataLoader(
        dataset,
        num_workers=2,
        collate_fn=lambda batch: [r['filename'] for r in batch],
        **kwargs,
    )


@pytest.mark.parametrize('persistent_workers', [True, False])
def test_count_is_right_with_workers(root, persistent_workers):
    damage(root, 'truncated video')
    (root / 'cartoon/videos/d.mp4').unlink()
    dataset = HACDataset(
        str(root),
        ['human', 'cartoon'],
        'train',
        pipeline=LOAD,
        on_corrupt='skip',
    )
    load = loader(dataset, persistent_workers=persistent_workers)
    epochs = [[name for batch in load for name in batch] for _ in range(2)]
    assert dataset.num_corrupt == 2
    assert epochs[0] == epochs[1]
    assert {name[-5:] for name in epochs[0][2:]} == {'f.mp4'}


def test_name_survives_the_way_out_of_a_worker(root):
    dataset = HACDataset(str(root), ['cartoon'], 'train', pipeline=LOAD)
    path = damage(root, 'truncated audio')
    iterator = iter(loader(dataset))
    with pytest.raises(CorruptMediaError, match=path.name):
        list(iterator)
    # The error refers to the iterator; left to the garbage collector, the
    # workers would be waited for in vain, 5 s each.
    iterator._shutdown_workers()


def test_subsets_count_by_themselves(root):
    damage(root, 'empty video')
    dataset = HACDataset(
        str(root), ['cartoon'], 'train', pipeline=LOAD, on_corrupt='skip'
    )
    dataset[1]
    subset = dataset.get_subset([1, 2])
    assert subset.num_corrupt == 0
    list(loader(subset))
    assert (subset.num_corrupt, dataset.num_corrupt) == (1, 1)
    first = HACDataset(
        str(root), ['cartoon'], 'train', pipeline=LOAD, indices=1
    )
    assert len(first) == 1
    write_wav(root / 'cartoon/audio/d.wav', tone(1.2))
    assert first[0]['audios'].size
