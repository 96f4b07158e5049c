# Copyright (c) mmgmp authors.
"""Datasets inside wrappers, and the domains of those with labels."""

from types import SimpleNamespace

import pytest
from mmaction.registry import DATASETS

from mmgmp.datasets.wrappers import (
    dataset_domains,
    dataset_leaves,
    is_labelled,
)


def leaf(*domains, **attributes):
    metainfo = dict(domains=domains, source_domains=('x',))
    return SimpleNamespace(metainfo=metainfo, **attributes)


B, A, C = leaf('b', 'c'), leaf('a'), leaf('c', labelled=False)
WRAPPED = SimpleNamespace(
    datasets=[SimpleNamespace(dataset=part) for part in (B, C)] + [A, B]
)


def test_leaves():
    assert dataset_leaves(A) == [A]
    assert dataset_leaves(WRAPPED) == [B, C, A, B]


def test_domains_are_in_order_and_not_repeated():
    assert dataset_domains(WRAPPED) == ('b', 'c', 'a')
    assert dataset_domains(WRAPPED, 'source_domains') == ('x',)


def test_domains_with_labels():
    whole = SimpleNamespace(datasets=[C, A, leaf('d', labelled=True)])
    assert dataset_domains(whole, labelled_only=True) == ('a', 'd')
    assert dataset_domains(C, labelled_only=True) == ()


def test_dataset_without_domains_is_named():
    with pytest.raises(ValueError, match="SimpleNamespace must .* 'domains'"):
        dataset_domains(SimpleNamespace(metainfo=dict(classes=())))


# --- wrappers of MMEngine ----------------------------------------------------


def config(root, split='train', **kwargs):
    return dict(type='HACDataset', data_root=str(root), split=split, **kwargs)


def wrap(kind, dataset, **kwargs):
    return DATASETS.build(dict(type=kind, dataset=dataset, **kwargs))


@pytest.mark.parametrize('lazy_init', [True, False])
def test_class_balance(clean, lazy_init):
    # Classes 2, 2, 2, 0 and 6.
    dataset = config(clean, domains=['cartoon', 'human'], lazy_init=lazy_init)
    balanced = wrap(
        'ClassBalancedDataset', dataset, oversample_thr=0.8, lazy_init=True
    )
    balanced.full_init()
    labels = [balanced[i]['label'] for i in range(len(balanced))]
    assert labels == [2, 2, 2, 2, 2, 2, 0, 0, 6, 6]
    assert balanced.get_cat_ids(9) == [6]
    assert dataset_domains(balanced) == ('cartoon', 'human')
    few = wrap(
        'ClassBalancedDataset', dict(dataset, indices=4), oversample_thr=0.7
    )
    assert [few[i]['label'] for i in range(len(few))] == [2, 2, 2, 0, 0]


def test_labels_of_a_target_are_not_balanced(clean):
    target = config(
        clean,
        domains=['cartoon'],
        source_domains=['human'],
        labelled=False,
        keep_hidden_label=True,
    )
    balanced = wrap('ClassBalancedDataset', target, oversample_thr=0.9)
    assert len(balanced) == 3
    assert balanced.get_cat_ids(0) == []
    assert not any(map(is_labelled, dataset_leaves(balanced)))


def test_repeated_and_joined(clean):
    parts = [config(clean, domains=[d]) for d in ('human', 'cartoon')]
    repeated = dict(type='RepeatDataset', times=2, dataset=parts[0])
    whole = DATASETS.build(
        dict(
            type='ConcatDataset',
            datasets=[repeated, parts[1]],
            ignore_keys=['domains', 'source_domains'],
        )
    )
    labels = [whole[i]['label'] for i in range(len(whole))]
    assert labels == [0, 6, 0, 6, 2, 2, 2]
    assert dataset_domains(whole) == ('human', 'cartoon')


def test_flags_of_corrupt_clips_follow_the_samples(clean):
    dataset = DATASETS.build(
        config(clean, domains=['cartoon'], lazy_init=True)
    )
    assert dataset.num_corrupt == 0
    dataset.corrupt[0] = 1
    wrap('RepeatDataset', dataset, times=2)  # calls `full_init` again
    assert dataset.num_corrupt == 1
    subset = dataset.get_subset([1, 2])
    assert (len(subset.corrupt), subset.num_corrupt) == (2, 0)
    assert subset.corrupt.is_shared()
    dataset.get_subset_([0])
    assert (len(dataset.corrupt), dataset.num_corrupt) == (1, 0)
