# Copyright (c) mmgmp authors.
"""HAC and EPIC-Kitchens: every config says what its name does, and trains."""

from itertools import permutations
from pathlib import Path

import pytest
import torch
from mmengine.config import Config, config
from mmengine.runner import Runner

from mmgmp.apis import train_select_test
from mmgmp.optim import GMPOptimWrapper
from tests.configs.reduced import reduce_config
from tests.utils.twins import make_epic_twin, make_hac_twin

CONFIGS = Path(__file__).parents[2] / 'configs'
ENCODERS = dict(
    video='slowfast-r101', audio='resnet18', flow='slowonly-r50-flow'
)
MODALITIES = (
    ('video', 'audio'),
    ('video', 'flow'),
    ('audio', 'flow'),
    ('video', 'audio', 'flow'),
)
DATASETS = dict(
    hac=('hac', ('human', 'animal', 'cartoon'), 7),
    epic=('epic_kitchens', ('D1', 'D2', 'D3'), 8),
)
METHODS = ('base', 'gmp')


def all_settings():
    """Path of each config -> method, data set, modalities, sources, target."""
    settings = {}
    for name, (folder, domains, _) in DATASETS.items():
        runs = [
            (modalities, tuple(d for d in domains if d != target), target)
            for target in domains
            for modalities in MODALITIES
        ]
        runs += [
            (MODALITIES[0], (source,), target)
            for source, target in permutations(domains, 2)
        ]
        for modalities, sources, target in runs:
            single = sources if len(sources) == 1 else ()
            run = '{}_1xb16-20e_{}-{}.py'.format(
                '-'.join(ENCODERS[m] for m in modalities),
                name,
                '-'.join((*single, target)).lower(),
            )
            for method in METHODS:
                path = CONFIGS / method / folder / f'{method}_{run}'
                settings[path] = method, name, modalities, sources, target
    return settings


SETTINGS = all_settings()
EACH = pytest.mark.parametrize('path', SETTINGS, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def unformatted(monkeypatch):
    """A run lays out its config, which takes longer than the run."""
    monkeypatch.setattr(
        config, 'FormatCode', lambda text, **kwargs: (text, False)
    )


@pytest.fixture(scope='module')
def twins(tmp_path_factory):
    root = tmp_path_factory.mktemp('twins')
    return dict(
        hac=make_hac_twin(root / 'hac'), epic=make_epic_twin(root / 'epic')
    )


def small_run(path, twins, work_dir):
    """Two steps of two samples, then an evaluation."""
    _, dataset, _, sources, _ = SETTINGS[path]
    cfg = reduce_config(Config.fromfile(path), twins[dataset])
    cfg.work_dir = str(work_dir)
    epochs = 2 // len(sources)
    cfg.train_cfg.update(
        max_epochs=epochs, val_begin=epochs, val_interval=epochs
    )
    return cfg


def test_there_is_a_config_for_each_setting():
    # Those of adaptation are tested in test_boomda_configs.py.
    found = {
        path
        for folder in ('hac', 'epic_kitchens')
        for method in METHODS
        for path in CONFIGS.glob(f'{method}/{folder}/*.py')
    }
    assert found == SETTINGS.keys()
    assert len(found) == 72


@EACH
def test_config_is_what_its_name_says(path):
    method, dataset, modalities, sources, target = SETTINGS[path]
    cfg = Config.fromfile(path)
    model, backbone = cfg.model, cfg.model.backbone
    for per_modality in (
        model.data_preprocessor.preprocessors,
        backbone.encoders,
        backbone.pretrained,
        backbone.trainable,
        model.cls_head.in_channels,
    ):
        assert tuple(per_modality) == modalities
    dropped = {m: 0.5 for m in modalities if m != 'audio'}
    assert backbone.feature_dropout == dropped
    assert model.cls_head.num_classes == DATASETS[dataset][2]
    train, val, test = (
        cfg[f'{part}_dataloader'].dataset for part in ('train', 'val', 'test')
    )
    assert tuple(train.domains) == tuple(val.domains) == sources
    assert tuple(test.source_domains) == sources
    assert tuple(test.domains) == (target,)
    splits = ('train', 'test', 'all' if dataset == 'hac' else 'test')
    assert (train.split, val.split, test.split) == splits
    for part in (train, val, test):
        assert tuple(part.modalities) == modalities
        assert tuple(part.pipeline[-1].collect_keys) == modalities
    assert cfg.train_dataloader.batch_size == 16
    assert cfg.train_cfg.max_epochs == 20
    wrapper = cfg.optim_wrapper
    assert wrapper.optimizer == dict(type='Adam', lr=1e-4)
    adversarial = len(sources) > 1
    if adversarial:
        domain = model.objectives.domain
        assert domain.num_domains == len(sources)
        assert domain.in_channels == model.cls_head.in_channels
    else:
        assert 'objectives' not in model
    if method == 'base':
        assert wrapper.type == 'OptimWrapper'
    else:
        assert wrapper.type == 'GMPOptimWrapper'
        tasks = ('semantic', 'domain') if adversarial else ('semantic',)
        assert tuple(wrapper.tasks) == tasks


@EACH
def test_config_trains_two_steps_and_evaluates(path, twins, tmp_path):
    method, dataset, modalities, _, target = SETTINGS[path]
    cfg = small_run(path, twins, tmp_path)
    cfg.default_hooks.checkpoint = None
    runner = Runner.from_cfg(cfg)
    runner.model.init_weights()
    before = {n: p.clone() for n, p in runner.model.named_parameters()}
    runner.train()
    assert runner.iter == 2
    assert isinstance(runner.optim_wrapper, GMPOptimWrapper) == (
        method == 'gmp'
    )
    for modality in modalities:
        trained = {
            name
            for name, param in runner.model.named_parameters()
            if not torch.equal(param, before[name])
            and name.startswith(f'backbone.{modality}.')
        }
        assert trained
        assert all('.layer4.' in name for name in trained)
    scalars = runner.message_hub.log_scalars
    for branch in ('fused', *modalities):
        assert f'val/acc/all/{branch}/top1' in scalars
    items = runner.build_dataloader(cfg.test_dataloader).dataset
    assert items.metainfo['domains'] == (target,)
    assert len(items) == {'hac': 4, 'epic': 2}[dataset] + (target == 'human')


@pytest.mark.parametrize('dataset', DATASETS)
@pytest.mark.parametrize('method', METHODS)
def test_best_weights_are_tested_on_the_target(
    method, dataset, twins, tmp_path
):
    path = next(
        path
        for path, setting in SETTINGS.items()
        if setting[:3] == (method, dataset, MODALITIES[-1])
    )
    summary = train_select_test(small_run(path, twins, tmp_path))
    assert summary['target'] == SETTINGS[path][-1]
    assert tuple(summary['sources']) == SETTINGS[path][-2]
    assert summary['target_top1'].keys() >= {'fused', *MODALITIES[-1]}
