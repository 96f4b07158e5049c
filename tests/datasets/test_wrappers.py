# Copyright (c) mmgmp authors.
"""Datasets inside wrappers, and the domains of those with labels."""

from types import SimpleNamespace

import pytest

from mmgmp.datasets.wrappers import dataset_domains, dataset_leaves


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
