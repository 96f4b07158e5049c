# Copyright (c) mmgmp authors.
"""Rows of the published split files, if these are available.

Set MMGMP_HAC_ROOT to the folder that holds HAC_Splits, and MMGMP_EPIC_ROOT to
the one that holds MM-SADA_Domain_Adaptation_Splits, pickled or as CSV files.
"""

import os
from pathlib import Path

import pytest

from mmgmp.datasets import EPICKitchensDataset, HACDataset
from mmgmp.datasets.epic_kitchens import FOLDER
from mmgmp.datasets.media_checks import media_files
from mmgmp.datasets.verification import (
    EPIC_KITCHENS,
    EPIC_KITCHENS_VIDEOS,
    HAC,
    HAC_DUPLICATES,
    count_classes,
    count_faults,
)
from tools.data.epic_kitchens.convert_splits import (
    read_pickled_frame,
    write_csv,
)


def root(variable):
    if variable not in os.environ:
        pytest.skip(f'{variable} does not point to the published split files')
    return os.environ[variable]


@pytest.fixture(scope='module')
def hac_root():
    return root('MMGMP_HAC_ROOT')


@pytest.fixture(scope='module')
def epic_root(tmp_path_factory):
    """Folder with the split files as CSV."""
    published = Path(root('MMGMP_EPIC_ROOT'))
    if [*(published / FOLDER).glob('*.csv')]:
        return published
    converted = tmp_path_factory.mktemp('epic')
    (converted / FOLDER).mkdir()
    for path in (published / FOLDER).glob('D*.pkl'):
        table = converted / FOLDER / f'{path.stem}.csv'
        write_csv(table, read_pickled_frame(path))
    return converted


def test_totals_of_the_tables():
    rows = {d: (sum(c.train), sum(c.test)) for d, c in HAC.items()}
    assert rows == dict(
        human=(1111, 276), animal=(730, 176), cartoon=(870, 218)
    )
    rows = {d: (sum(c.train), sum(c.test)) for d, c in EPIC_KITCHENS.items()}
    assert rows == dict(D1=(1543, 435), D2=(2495, 750), D3=(3897, 974))
    for dataset, table in (
        (HACDataset, HAC),
        (EPICKitchensDataset, EPIC_KITCHENS),
    ):
        assert tuple(table) == dataset.DOMAINS
        num_classes = len(dataset.METAINFO['classes'])
        assert {len(c) for d in table.values() for c in d} == {num_classes}


def read(dataset, root, domain, split, **kwargs):
    # Without the media: only a missing folder of videos or flow is an error.
    dataset = dataset(
        str(root),
        [domain],
        split,
        modalities=['audio'],
        on_corrupt='skip',
        **kwargs,
    )
    return [dataset.get_data_info(i) for i in range(len(dataset))]


@pytest.mark.parametrize('split', ['train', 'test'])
@pytest.mark.parametrize('domain', HAC)
def test_hac(hac_root, domain, split):
    items = read(HACDataset, hac_root, domain, split)
    assert count_classes(items, 7) == getattr(HAC[domain], split)


@pytest.mark.parametrize('domain', HAC)
def test_duplicates_of_hac(hac_root, domain):
    sizes = [
        len(read(HACDataset, hac_root, domain, 'all', duplicates=d))
        for d in ('keep', 'drop')
    ]
    assert sizes[0] - sizes[1] == HAC_DUPLICATES[domain]


@pytest.mark.parametrize('split', ['train', 'test'])
@pytest.mark.parametrize('domain', EPIC_KITCHENS)
def test_epic_kitchens(epic_root, domain, split):
    items = read(EPICKitchensDataset, epic_root, domain, split)
    assert count_classes(items, 8) == getattr(EPIC_KITCHENS[domain], split)
    videos = {item['audio_path'] for item in items}
    index = ('train', 'test').index(split)
    assert len(videos) == EPIC_KITCHENS_VIDEOS[domain][index]
    seconds = [item['audio_stop'] - item['audio_start'] for item in items]
    assert min(seconds) > 0.4
    assert max(seconds) < 60


def test_published_rows_are_no_fault():
    rows = {
        (domain, split): getattr(counts, split)
        for domain, counts in HAC.items()
        for split in ('train', 'test')
    }
    assert count_faults(rows, HAC) == []
    rows['animal', 'test'] = (36, 26, 25, 21, 24, 28, 16)
    assert [f.path for f in count_faults(rows, HAC)] == ['animal test']


def test_whole_sound_of_a_video_has_no_stand_in():
    item = dict(filename='a.mp4', audio_path='a.wav')
    assert [*media_files(item, ['audio'])] == [('a.wav', 'audio', 'a.mp4')]
    item.update(audio_start=0.0, audio_stop=1.0)
    assert [*media_files(item, ['audio'])] == [('a.wav', 'audio', None)]
