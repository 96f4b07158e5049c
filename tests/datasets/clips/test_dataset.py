# Copyright (c) mmgmp authors.
"""`ClipsDataset`: classes and domains follow from the table."""

import pytest
from mmaction.registry import DATASETS
from mmengine.config import Config
from mmengine.dataset import ClassBalancedDataset

from mmgmp.benchmark.execution import dataset_version
from mmgmp.datasets import ClipsDataset
from mmgmp.datasets.clips import dataset as clips_module
from mmgmp.datasets.clips.setting import class_weights
from mmgmp.datasets.clips.table import format_clips, read_clips
from mmgmp.datasets.wrappers import CLIP_IDENTITY
from tests.utils.media import tone, write_wav
from tests.utils.own_clips import CLASSES, DOMAINS

HOME, TARGET = DOMAINS[0], DOMAINS[2]


@pytest.fixture
def table(own_clips, tmp_path):
    """Write a table that differs from the complete one."""

    def table(change=lambda clips: clips):
        clips = change(read_clips(own_clips / 'clips.csv'))
        path = tmp_path / 'clips.csv'
        path.write_text(format_clips(clips))
        return dict(ann_file=str(path), data_root=str(own_clips))

    return table


def infos(dataset):
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def test_items(own_clips):
    sources = [DOMAINS[1], HOME]
    args = dict(ann_file=own_clips / 'clips.csv', source_domains=sources)
    train = ClipsDataset(domains=sources, split='train', **args)
    assert train.metainfo['classes'] == CLASSES
    assert train.metainfo['domains'] == tuple(sources)
    items = infos(train)
    assert len(items) == 8
    assert [item['domain'] for item in items] == [0] * 4 + [1] * 4
    for item in items:
        domain, label = item['filename'][len(str(own_clips)) + 1 :].split('/')[
            :2
        ]
        assert item['domain_name'] == domain
        assert CLASSES[item['label']] == label
        assert item['audio_path'] == '' and 'clip_start' not in item
    target = ClipsDataset(domains=[TARGET], split='all', **args)
    items = infos(target)
    assert [item['domain'] for item in items] == [-1] * 6
    # The test rows come first.
    held_out = ClipsDataset(domains=[TARGET], split='test', **args)
    assert [i['filename'] for i in infos(held_out)] == [
        i['filename'] for i in items[:2]
    ]


def test_unlabelled_target(own_clips):
    args = dict(
        ann_file=str(own_clips / 'clips.csv'),
        domains=[TARGET],
        split='train',
        source_domains=[HOME],
        labelled=False,
    )
    assert all('label' not in item for item in infos(ClipsDataset(**args)))
    hidden = ClipsDataset(keep_hidden_label=True, **args)
    assert {item['hidden_label'] for item in infos(hidden)} == {0, 1}


def test_rows_without_a_label(table):
    args = table(
        lambda clips: [
            c._replace(label='') if c.domain == TARGET else c for c in clips
        ]
    )
    args.update(domains=[TARGET], source_domains=[HOME])
    found = infos(ClipsDataset(split='train', labelled=False, **args))
    assert len(found) == 4 and all('label' not in i for i in found)
    with pytest.raises(ValueError, match=r'csv, line \d+: .* has no label'):
        ClipsDataset(split='test', **args)


def test_segments_and_separate_sound(table, own_clips, tmp_path):
    write_wav(tmp_path / 'a.wav', tone(1))

    def cut(clips):
        first = clips[0]._replace(audio=str(tmp_path / 'a.wav'), stop=0.4)
        return [first, first._replace(start=0.4, stop=1.0), *clips[1:]]

    args = table(cut)
    dataset = ClipsDataset(domains=[HOME], split='all', **args)
    items = [i for i in infos(dataset) if i['audio_path']]
    assert [i.get('clip_start') for i in items] == [None, 0.4]
    assert [i['clip_stop'] for i in items] == [0.4, 1.0]
    # They are different clips for caches and checks.
    assert len({tuple(map(i.get, CLIP_IDENTITY)) for i in items}) == 2
    (tmp_path / 'a.wav').unlink()
    with pytest.raises(FileNotFoundError, match=r'a\.wav'):
        ClipsDataset(domains=[HOME], split='all', **args)
    video = dict(domains=[HOME], split='all', modalities=['video'])
    ClipsDataset(**video, **args)


def test_class_that_a_domain_lacks(table, monkeypatch):
    args = table(
        lambda clips: [
            c for c in clips if (c.domain, c.label) != (HOME, 'clap')
        ]
    )
    lines = []
    monkeypatch.setattr(clips_module, 'warn_once', lines.append)
    for split in ('train', 'test'):
        dataset = ClipsDataset(domains=[HOME], split=split, **args)
        ClipsDataset(domains=[TARGET], split=split, **args)
    assert lines[0].endswith(
        f"domain {HOME!r} has no clip of the classes ['clap']"
    )
    # The same text, which is logged once.
    assert lines[1:] == lines[:1]
    assert dataset.metainfo['classes'] == CLASSES


@pytest.mark.parametrize(
    ('args', 'words'),
    [
        (dict(domains=['elsewhere']), 'elsewhere'),
        (dict(split='val'), "`split` must be one of .* got 'val'"),
        (dict(modalities=['video', 'flow']), 'are video and audio'),
        (dict(alignment='as_released'), "must be 'true_fps'"),
        (dict(metainfo=dict(classes=['walk', 'clap'])), 'but the classes in'),
    ],
)
def test_arguments(own_clips, args, words):
    known = dict(domains=[HOME], split='train')
    with pytest.raises(ValueError, match=words):
        ClipsDataset(str(own_clips / 'clips.csv'), **(known | args))


def test_missing_file(table, tmp_path):
    args = dict(table(), data_root=str(tmp_path / 'no'))
    with pytest.raises(FileNotFoundError, match='6 of 6 media files'):
        ClipsDataset(domains=[HOME], split='all', **args)
    args['on_corrupt'] = 'skip'
    assert len(ClipsDataset(domains=[HOME], split='all', **args)) == 6


def test_rare_classes_are_repeated_and_weighted(table):
    def rare(clips):
        keep = [c for c in clips if c.label == 'walk' and c.domain == HOME]
        drop = [c for c in keep if c.split == 'train'][1:]
        return [c for c in clips if c not in drop]

    args = table(rare)
    dataset = DATASETS.build(
        dict(
            type='ClassBalancedDataset',
            oversample_thr=0.5,
            dataset=dict(
                type='ClipsDataset', domains=[HOME], split='train', **args
            ),
        )
    )
    assert isinstance(dataset, ClassBalancedDataset)
    labels = [dataset.get_data_info(i)['label'] for i in range(len(dataset))]
    # A third is below the threshold of a half.
    assert labels.count(0) == labels.count(1) == 2
    assert class_weights(args['ann_file'], [HOME]) == [0.75, 1.5]
    assert class_weights(args['ann_file'], [TARGET]) == [1, 1]
    with pytest.raises(ValueError, match='no training clips'):
        class_weights(args['ann_file'], [])


def test_version_of_the_data_for_a_benchmark(table):
    """Other parts of the same files are other data."""
    versions = set()
    for stop in (None, 0.5, 0.6):
        args = table(lambda clips, s=stop: [c._replace(stop=s) for c in clips])
        dataset = dict(type='ClipsDataset', domains=[HOME], **args)
        parts = dict(train='train', val='test', test='test')
        cfg = {
            f'{part}_dataloader': dict(dataset=dict(dataset, split=split))
            for part, split in parts.items()
        }
        versions.add(dataset_version(Config(cfg)))
    assert len(versions) == 3
