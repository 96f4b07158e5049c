# Copyright (c) mmgmp authors.
"""Names, labels and selections of a dataset are checked before training."""

import numpy as np
import pytest

from mmgmp.datasets import HACDataset


class Own(HACDataset):
    """A dataset whose items need no files."""

    DOMAINS = ('studio', 'sea 2')
    labels = (0, np.int64(6), 1)

    def load_data_list(self):
        return [
            dict(filename=f'{i}.mp4', label=label, domain=0, domain_name='x')
            for i, label in enumerate(self.labels)
        ]


def build(**kwargs):
    return Own('', ['studio'], 'train', **kwargs)


@pytest.mark.parametrize(
    'name', ['all', 'worst', 'a/b', 'a\\b', '..', '.', '', ' a', 'a\nb', 3]
)
def test_name_of_a_domain(monkeypatch, name):
    monkeypatch.setattr(Own, 'DOMAINS', ('studio', name))
    with pytest.raises(ValueError, match='in `DOMAINS` must be a folder'):
        build()


@pytest.mark.parametrize(
    'label', [7, -1, 1.0, True, '1', [0, 1], [0.5] * 7, np.eye(7)[2]]
)
def test_label_is_one_class(monkeypatch, label):
    monkeypatch.setattr(Own, 'labels', (0, label))
    with pytest.raises(ValueError, match=r'label of 1\.mp4 must be .* to 6'):
        build()


@pytest.mark.parametrize(
    ('indices', 'size'), [(2, 2), (-1, 1), ([2, 0, -1], 3), (3, 3)]
)
def test_indices(indices, size):
    assert len(build(indices=indices)) == size


@pytest.mark.parametrize(
    'indices', [0, 4, -4, [], [3], [-4], [0.0], [True], True, '12']
)
def test_wrong_indices(indices):
    with pytest.raises(ValueError, match='`indices` .* of 3 samples'):
        build(indices=indices)


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (dict(multi_class=True, num_classes=7), '`multi_class=True`'),
        (dict(num_classes=8), '`num_classes` is 8, but there are 7'),
        (dict(metainfo=dict(classes=('a', 'a'))), 'each once'),
        (dict(metainfo=dict(classes=())), 'each once'),
        (dict(metainfo=dict(classes=('a', 'b'))), 'to 1, got'),
    ],
)
def test_classes(arguments, words):
    with pytest.raises(ValueError, match=words):
        build(**arguments)


def test_file_of_class_names(tmp_path):
    path = tmp_path / 'classes.txt'
    path.write_text('\ufeffa\nb\n\nc\nd\ne\nf\ng\n', encoding='utf-8')
    dataset = build(metainfo=dict(classes=str(path)))
    assert dataset.metainfo['classes'] == tuple('abcdefg')
    with pytest.raises(FileNotFoundError, match=r'other\.txt is missing'):
        build(metainfo=dict(classes=str(tmp_path / 'other.txt')))
