# Copyright (c) mmgmp authors.
"""Rows of the published split files, where these are at hand.

Set MMGMP_HAC_ROOT to the folder that holds HAC_Splits, and MMGMP_EPIC_ROOT to
the one that holds MM-SADA_Domain_Adaptation_Splits.
"""

import os
from collections import Counter

import pytest

from mmgmp.datasets import EPICKitchensDataset, HACDataset
from mmgmp.datasets.published_counts import (
    EPIC_KITCHENS,
    EPIC_KITCHENS_VIDEOS,
    HAC,
    HAC_DUPLICATES,
)


def root(variable):
    if variable not in os.environ:
        pytest.skip(f'{variable} does not point to the published split files')
    return os.environ[variable]


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


def read(dataset, variable, domain, split, **kwargs):
    # Without the media: only a missing folder of videos or flow is an error.
    dataset = dataset(
        root(variable),
        [domain],
        split,
        modalities=['audio'],
        on_corrupt='skip',
        **kwargs,
    )
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def per_class(items, num_classes):
    counter = Counter(item['label'] for item in items)
    return tuple(counter[i] for i in range(num_classes))


@pytest.mark.parametrize('split', ['train', 'test'])
@pytest.mark.parametrize('domain', HAC)
def test_hac(domain, split):
    items = read(HACDataset, 'MMGMP_HAC_ROOT', domain, split)
    assert per_class(items, 7) == getattr(HAC[domain], split)


@pytest.mark.parametrize('domain', HAC)
def test_duplicates_of_hac(domain):
    sizes = [
        len(read(HACDataset, 'MMGMP_HAC_ROOT', domain, 'all', duplicates=d))
        for d in ('keep', 'drop')
    ]
    assert sizes[0] - sizes[1] == HAC_DUPLICATES[domain]


@pytest.mark.parametrize('split', ['train', 'test'])
@pytest.mark.parametrize('domain', EPIC_KITCHENS)
def test_epic_kitchens(domain, split):
    items = read(EPICKitchensDataset, 'MMGMP_EPIC_ROOT', domain, split)
    assert per_class(items, 8) == getattr(EPIC_KITCHENS[domain], split)
    videos = {item['audio_path'] for item in items}
    index = ('train', 'test').index(split)
    assert len(videos) == EPIC_KITCHENS_VIDEOS[domain][index]
    seconds = [item['audio_stop'] - item['audio_start'] for item in items]
    assert min(seconds) > 0.4
    assert max(seconds) < 60
