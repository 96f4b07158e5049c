# Copyright (c) mmgmp authors.
"""The labels of an unlabelled target appear nowhere in the dataset."""

import pickle
import shutil

import pytest

from mmgmp.datasets import EPICKitchensDataset, HACDataset
from tests.utils.twins import make_epic_twin, make_hac_twin

SOURCES = dict(source_domains=['human', 'animal'])
TABLE = 'HAC_Splits/HAC_{}_only_cartoon.csv'


@pytest.fixture(scope='module')
def clean(tmp_path_factory):
    return make_hac_twin(tmp_path_factory.mktemp('hac'), num_frames=6)


@pytest.fixture
def root(clean, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(clean, tmp_path / 'hac')


def build(root, split='train', **kwargs):
    options = dict(SOURCES, labelled=False, **kwargs)
    return HACDataset(str(root), ['cartoon'], split, **options)


def items(dataset):
    return [dataset[i] for i in range(len(dataset))]


def relabel(root, change):
    """Change the labels of the target in both of its tables."""
    for split in ('train', 'test'):
        table = root / TABLE.format(split)
        rows = [r.rsplit(',', 1) for r in table.read_text().splitlines()]
        table.write_text(''.join(change(*row) + '\n' for row in rows))


@pytest.mark.parametrize('split', ['train', 'test', 'all'])
def test_items_are_those_of_the_labelled_target(clean, split):
    # Any split may be read, because the labels of the target are not used.
    expected = HACDataset(str(clean), ['cartoon'], split)
    for item, wanted in zip(
        items(build(clean, split)), items(expected), strict=True
    ):
        del wanted['label']
        assert item == dict(wanted, domain=-1)


def test_annotation_is_dropped_as_it_is_read(clean):
    dataset = build(clean)
    assert b'label' not in dataset.data_bytes.tobytes()
    plain = build(clean, serialize_data=False)
    assert all('label' not in item for item in plain.data_list)
    for part in (dataset.get_subset([0]), pickle.loads(pickle.dumps(dataset))):
        assert not part.labelled and 'label' not in part[0]


@pytest.mark.parametrize('duplicates', ['keep', 'drop'])
@pytest.mark.parametrize(
    'change',
    [
        lambda name, label: f'{name},{6 - int(label)}',
        lambda name, label: name,
        lambda name, label: f'{name},unknown',
    ],
    ids=['permuted', 'deleted', 'unknown'],
)
def test_labels_play_no_part(clean, root, change, duplicates):
    relabel(root, change)
    for split in ('train', 'all'):
        found = items(build(root, split, duplicates=duplicates))
        expected = items(build(clean, split, duplicates=duplicates))
        for item in expected:
            for key in ('filename', 'audio_path'):
                item[key] = item[key].replace(str(clean), str(root))
        assert found == expected


def test_file_names_are_still_checked(root):
    relabel(root, lambda name, label: f'{name},{label},{label}')
    with pytest.raises(ValueError, match='line 1: expected a file name'):
        build(root)
    relabel(root, lambda name, label: 'nowhere.mp4')
    with pytest.raises(FileNotFoundError, match='nowhere.mp4'):
        build(root)


def test_hidden_labels_are_given_on_request(clean, root):
    labelled = HACDataset(str(clean), ['cartoon'], 'train')
    found = items(build(clean, keep_hidden_label=True))
    assert all('label' not in item for item in found)
    labels = [item['hidden_label'] for item in found]
    assert labels == [item['label'] for item in items(labelled)]
    assert len({*labels}) == 2
    relabel(root, lambda name, label: name)
    with pytest.raises(ValueError, match='line 1'):
        build(root, keep_hidden_label=True)


def test_packed_sample_has_no_label(clean):
    pipeline = [
        dict(type='OpenVideo'),
        dict(type='SampleFrames', clip_len=2, test_mode=True),
        dict(type='DecodeFrames'),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(
            type='PackActionInputs',
            algorithm_keys=('domain', 'hidden_label'),
            meta_keys=('domain_name',),
        ),
    ]
    keys = {}
    for hidden in (False, True):
        dataset = build(clean, pipeline=pipeline, keep_hidden_label=hidden)
        sample = dataset[0]['data_samples']
        assert sample.domain == -1
        keys[hidden] = {*sample.all_keys()}
    assert keys[False] == {'domain', 'domain_name'}
    assert keys[True] == {*keys[False], 'hidden_label'}


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        (dict(source_domains=None), 'set `source_domains`'),
        (dict(source_domains=['cartoon', 'human']), 'must not be among'),
        (dict(labelled=True, keep_hidden_label=True), '`keep_hidden_label='),
        (dict(labelled=True), 'an unlabelled target has `labelled=False`'),
    ],
)
def test_wrong_argument(clean, changes, words):
    options = {**SOURCES, 'labelled': False, **changes}
    with pytest.raises(ValueError, match=words):
        HACDataset(str(clean), ['cartoon'], 'train', **options)


@pytest.mark.parametrize('media', ['clips', 'frames'])
def test_epic_kitchens(media, tmp_path):
    root = make_epic_twin(tmp_path, media)
    labelled = EPICKitchensDataset(str(root), ['D2'], 'train', media)
    dataset = EPICKitchensDataset(
        str(root),
        ['D2'],
        'train',
        media,
        source_domains=['D1'],
        labelled=False,
    )
    for item, wanted in zip(items(dataset), items(labelled), strict=True):
        del wanted['label']
        assert item == dict(wanted, domain=-1)
