# Copyright (c) mmgmp authors.
"""HAC and EPIC-Kitchens train and are tested from files in their layout."""

import pytest
from mmengine.config import config

from mmgmp.apis import train_and_test
from tests.configs.reduced import reduce_config
from tests.utils.leaves import read_leaf
from tests.utils.twins import make_epic_twin, make_hac_twin


@pytest.fixture(scope='module')
def twins(tmp_path_factory):
    root = tmp_path_factory.mktemp('twins')
    return dict(
        hac=make_hac_twin(root / 'hac', clips=4),
        epic_kitchens=make_epic_twin(root / 'epic'),
    )


@pytest.mark.parametrize(
    ('name', 'dataset', 'modalities', 'target'),
    [
        ('gmp', 'hac', 'video-audio-flow', 'human'),
        ('dann', 'hac', 'audio', 'animal'),
        ('boomda', 'hac', 'video-audio', 'cartoon'),
        ('gmp', 'epic_kitchens', 'audio-flow', 'D1'),
        ('boomda', 'epic_kitchens', 'video-flow', 'D2'),
    ],
)
def test_selected_weights_are_tested_on_the_target(
    name, dataset, modalities, target, twins, tmp_path, monkeypatch
):
    # Formatting the config takes longer than the run.
    monkeypatch.setattr(
        config, 'FormatCode', lambda text, **kwargs: (text, False)
    )
    cfg = read_leaf(
        name, dataset=dataset, modalities=modalities, target=target
    )
    cfg = reduce_config(cfg, twins[dataset])
    cfg.work_dir = str(tmp_path)
    cfg.log_level = 'ERROR'
    cfg.train_cfg.update(max_epochs=1)
    if 'batch_sampler' in cfg.train_dataloader:
        cfg.train_dataloader.batch_size = 4
        cfg.train_dataloader.batch_sampler.num_target = 2
    summary = train_and_test(cfg)
    assert summary['target'] == target
    assert summary['sources'] == cfg.sources
    branches = {'fused', *modalities.split('-')}
    assert summary['target_top1'].keys() >= branches
