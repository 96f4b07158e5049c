# Copyright (c) mmgmp authors.
"""MiniHAC for adaptation: which clips are trained on and which are tested."""

from itertools import permutations

import numpy as np
import pytest
from mmaction.registry import DATASETS
from mmengine.runner import Runner, set_random_seed

from tests.utils.leaves import read_leaf
from tests.utils.tiny_tree import read_tiny_tree

DOMAINS = {'human', 'animal', 'cartoon'}


def load(name, settings, **variables):
    return read_tiny_tree(read_leaf(name, **variables), settings)


def clips(dataset):
    infos = map(dataset.get_data_info, range(len(dataset)))
    return {info['filename'] for info in infos}


@pytest.mark.parametrize('target', sorted(DOMAINS))
def test_clips(target, tiny_mini_hac):
    cfg = load('boomda', tiny_mini_hac, target=target)
    general = load('erm', tiny_mini_hac, target=target)
    source, unlabelled = DATASETS.build(cfg.train_dataloader.dataset).datasets
    test = DATASETS.build(cfg.test_dataloader.dataset)
    # Two training clips and one test clip of each of 7 classes and domains.
    assert [len(part) for part in (source, unlabelled, test)] == [28, 14, 7]
    labels = [source.get_data_info(i)['label'] for i in range(28)]
    assert {*labels} == {*range(7)}
    for i in range(14):
        info = unlabelled.get_data_info(i)
        assert 'label' not in info and info['domain'] == -1
        assert info['domain_name'] == target
    assert not clips(unlabelled) & clips(test)
    # Generalization trains and selects on the same clips, and tests on both.
    same = DATASETS.build(general.train_dataloader.dataset)
    assert clips(source) == clips(same)
    assert source.metainfo['domains'] == same.metainfo['domains']
    tested = DATASETS.build(general.test_dataloader.dataset)
    assert clips(tested) == clips(unlabelled) | clips(test)


def test_batches_have_as_many_source_samples_as_generalization():
    cfg, general = read_leaf('boomda'), read_leaf('erm')
    loader = cfg.train_dataloader
    num_target = loader.batch_sampler.num_target
    assert num_target == 16
    assert loader.batch_size - num_target == (
        general.train_dataloader.batch_size
    )


@pytest.mark.parametrize('target', sorted(DOMAINS))
def test_validation_has_an_unlabelled_part(target, tiny_mini_hac):
    cfg = load('boomda', tiny_mini_hac, target=target)
    _, trained = DATASETS.build(cfg.train_dataloader.dataset).datasets
    source, unlabelled = DATASETS.build(cfg.val_dataloader.dataset).datasets
    assert clips(unlabelled) == clips(trained)
    for i in range(len(unlabelled)):
        assert 'label' not in unlabelled.get_data_info(i)
    sample = unlabelled[0]['data_samples']
    assert 'gt_label' not in sample and sample.domain_name == target
    general = load('erm', tiny_mini_hac, target=target)
    same = DATASETS.build(general.val_dataloader.dataset)
    assert clips(source) == clips(same)


@pytest.mark.parametrize(
    ('source', 'target'), list(permutations(sorted(DOMAINS), 2))
)
def test_one_source(source, target, tiny_mini_hac):
    cfg = load('boomda', tiny_mini_hac, target=target, sources=source)
    for part in ('train', 'val'):
        whole = DATASETS.build(cfg[f'{part}_dataloader'].dataset)
        labelled, unlabelled = whole.datasets
        assert labelled.labelled and not unlabelled.labelled
        assert labelled.metainfo['domains'] == (source,)
        assert unlabelled.metainfo['domains'] == (target,)
    test = DATASETS.build(cfg.test_dataloader.dataset)
    assert test.metainfo['domains'] == (target,)
    assert test.metainfo['source_domains'] == (source,)
    assert test.split == 'test'


@pytest.mark.parametrize('target', sorted(DOMAINS))
def test_corrupted_target(target, tiny_mini_hac):
    clean = load('boomda', tiny_mini_hac, target=target)
    cfg = load('boomda', tiny_mini_hac, target=target, corrupted=True)
    settings = dict(batch_size=14)
    settings['batch_sampler'] = dict(
        type='SourceTargetBatchSampler', num_target=7
    )
    batches, tested, validated = [], [], []
    for config in (clean, cfg):
        loader = dict(config.train_dataloader, **settings)
        set_random_seed(0)
        batches.append(next(iter(Runner.build_dataloader(loader, seed=0))))
        dataset = DATASETS.build(config.test_dataloader.dataset)
        tested.append([dataset[0]['inputs'] for _ in range(2)])
        dataset = DATASETS.build(config.val_dataloader.dataset)
        validated.append([dataset[i]['inputs'] for i in (0, -1)])
    names = [
        [sample.filename for sample in batch['data_samples']]
        for batch in batches
    ]
    assert names[0] == names[1]
    means = [
        np.array([video.float().mean() for video in batch['inputs']['video']])
        for batch in batches
    ]
    # Darkened to a fifth; clipping the noise at black adds a fifth to that.
    ratios = means[1] / means[0]
    assert (ratios[:7] == 1).all()
    assert ((ratios[7:] > 0.2) & (ratios[7:] < 0.35)).all()
    for key, value in validated[0][0].items():
        assert np.array_equal(value, validated[1][0][key])
        assert not np.array_equal(validated[0][1][key], validated[1][1][key])
    for key, value in tested[1][0].items():
        assert not np.array_equal(value, tested[0][0][key])
        assert np.array_equal(value, tested[1][1][key])
