# Copyright (c) mmgmp authors.
"""MiniHAC for adaptation: which clips are trained on and which are tested."""

from pathlib import Path

import numpy as np
import pytest
from mmaction.registry import DATASETS
from mmengine.config import Config
from mmengine.runner import Runner, set_random_seed

from tests.utils.tiny_tree import read_tiny_tree

CONFIGS = Path(__file__).parents[2] / 'configs/_base_/datasets'
DOMAINS = {'human', 'animal', 'cartoon'}


def load(name, settings):
    return read_tiny_tree(Config.fromfile(CONFIGS / f'{name}.py'), settings)


def clips(dataset):
    infos = map(dataset.get_data_info, range(len(dataset)))
    return {info['filename'] for info in infos}


@pytest.mark.parametrize('target', sorted(DOMAINS))
def test_clips(target, tiny_mini_hac):
    cfg = load(f'mini_hac-adapt-{target}', tiny_mini_hac)
    general = load(f'mini_hac-{target}', tiny_mini_hac)
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
    assert cfg.val_dataloader == general.val_dataloader
    tested = DATASETS.build(general.test_dataloader.dataset)
    assert clips(tested) == clips(unlabelled) | clips(test)


def test_batches_have_as_many_source_samples_as_generalization():
    cfg = Config.fromfile(CONFIGS / 'mini_hac-adapt-cartoon.py')
    general = Config.fromfile(CONFIGS / 'mini_hac-cartoon.py')
    loader = cfg.train_dataloader
    num_target = loader.batch_sampler.num_target
    assert num_target == 16
    assert loader.batch_size - num_target == (
        general.train_dataloader.batch_size
    )


def test_one_source_as_the_config_says(tiny_mini_hac, tmp_path):
    base = CONFIGS / 'mini_hac-adapt.py'
    code = ''.join(
        line.removeprefix('#   ')
        for line in base.read_text().splitlines(keepends=True)
        if line.startswith('#   ')
    )
    assert code.startswith("sources, target = ['human'], ['cartoon']")
    (tmp_path / 'one.py').write_text(f'_base_ = {str(base)!r}\n{code}')
    cfg = load(tmp_path / 'one', tiny_mini_hac)
    whole = DATASETS.build(cfg.train_dataloader.dataset)
    assert [part.metainfo['domains'] for part in whole.datasets] == [
        ('human',),
        ('cartoon',),
    ]
    assert cfg.val_dataloader.dataset.domains == ['human']
    assert cfg.test_dataloader.dataset.source_domains == ['human']


def test_corrupted_target(tiny_mini_hac):
    clean = load('mini_hac-adapt-cartoon', tiny_mini_hac)
    cfg = load('mini_hac-adapt-cartoon_corrupted', tiny_mini_hac)
    settings = dict(batch_size=14)
    settings['batch_sampler'] = dict(
        type='SourceTargetBatchSampler', num_target=7
    )
    batches, tested = [], []
    for config in (clean, cfg):
        loader = dict(config.train_dataloader, **settings)
        set_random_seed(0)
        batches.append(next(iter(Runner.build_dataloader(loader, seed=0))))
        dataset = DATASETS.build(config.test_dataloader.dataset)
        tested.append([dataset[0]['inputs'] for _ in range(2)])
    names = [
        [sample.filename for sample in batch['data_samples']]
        for batch in batches
    ]
    assert names[0] == names[1]
    means = [
        np.array([video.float().mean() for video in batch['inputs']['video']])
        for batch in batches
    ]
    # Darkened to a fifth; what black cuts of the noise adds a fifth to that.
    ratios = means[1] / means[0]
    assert (ratios[:7] == 1).all()
    assert ((ratios[7:] > 0.2) & (ratios[7:] < 0.35)).all()
    for key, value in tested[1][0].items():
        assert not np.array_equal(value, tested[0][0][key])
        assert np.array_equal(value, tested[1][1][key])
