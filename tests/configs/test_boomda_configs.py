# Copyright (c) mmgmp authors.
"""Boomda: every config says what its name does; HAC and EPIC train."""

from itertools import permutations
from pathlib import Path

import pytest
from mmengine.config import Config, config
from mmengine.runner import Runner

from tests.configs.reduced import reduce_config
from tests.utils.twins import make_epic_twin, make_hac_twin

FOLDER = Path(__file__).parents[2] / 'configs/boomda'
DATASETS = dict(
    hac=('hac', ('human', 'animal', 'cartoon'), 7),
    epic=('epic_kitchens', ('D1', 'D2', 'D3'), 8),
)
ROWS = {
    'source-only': {
        'train_dataloader.batch_size': 16,
        'train_dataloader.batch_sampler.num_target': 0,
    },
    'pl-only': {'model.objectives.boomda.alpha2': 0},
    'ca-only': {
        'model.objectives.boomda.alpha1': 0,
        'model.objectives.boomda.balance': 'equal',
    },
    'equal': {'model.objectives.boomda.balance': 'equal'},
    'qp': {'model.objectives.boomda.balance': 'qp'},
}
ABLATIONS = sorted((FOLDER / 'ablations').glob('*.py'))


def all_settings():
    """Path of each config -> data set, sources, target."""
    settings = {}
    for name, (folder, domains, _) in DATASETS.items():
        runs = [
            (tuple(d for d in domains if d != target), target)
            for target in domains
        ]
        runs += [((s,), target) for s, target in permutations(domains, 2)]
        for sources, target in runs:
            single = sources if len(sources) == 1 else ()
            run = '-'.join((*single, target)).lower()
            stem = f'boomda_slowfast-r101-resnet18_1xb32-20e_{name}-{run}'
            path = FOLDER / folder / f'{stem}.py'
            settings[path] = name, sources, target
    return settings


SETTINGS = all_settings()


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
        hac=make_hac_twin(root / 'hac', clips=4),
        epic=make_epic_twin(root / 'epic'),
    )


def test_there_is_a_config_for_each_setting():
    folders = [folder for folder, *_ in DATASETS.values()]
    found = {p for name in folders for p in (FOLDER / name).glob('*.py')}
    assert found == SETTINGS.keys()


@pytest.mark.parametrize('path', SETTINGS, ids=lambda path: path.stem)
def test_config_is_what_its_name_says(path):
    dataset, sources, target = SETTINGS[path]
    cfg = Config.fromfile(path)
    num_classes = DATASETS[dataset][2]
    assert cfg.model.cls_head.num_classes == num_classes
    assert cfg.model.objectives.boomda.num_classes == num_classes
    loader = cfg.train_dataloader
    assert loader.batch_size - loader.batch_sampler.num_target == 16
    for part, splits in (
        ('train', ('train', 'train')),
        ('val', ('test', 'train')),
    ):
        labelled, unlabelled = cfg[f'{part}_dataloader'].dataset.datasets
        assert (labelled.split, unlabelled.split) == splits
        assert tuple(labelled.domains) == sources
        assert labelled.get('labelled', True)
        assert tuple(unlabelled.domains) == (target,)
        assert tuple(unlabelled.source_domains) == sources
        assert unlabelled.labelled is False
        assert not unlabelled.get('keep_hidden_label', False)
        # Training augments the target too, validation neither of them.
        assert labelled.pipeline == unlabelled.pipeline
    test = cfg.test_dataloader.dataset
    assert tuple(test.domains) == (target,) and test.split == 'test'
    assert test.pipeline == unlabelled.pipeline
    if dataset == 'hac':
        assert {
            leaf.duplicates
            for leaf in (labelled, unlabelled, test, *loader.dataset.datasets)
        } == {'drop'}


@pytest.mark.parametrize(
    'path',
    [p for p, (_, _, t) in SETTINGS.items() if t in ('human', 'D1')],
    ids=lambda path: path.stem,
)
def test_config_trains_and_scores(path, twins, tmp_path):
    dataset, _, target = SETTINGS[path]
    cfg = reduce_config(Config.fromfile(path), twins[dataset])
    cfg.work_dir = str(tmp_path)
    cfg.default_hooks.checkpoint = None
    cfg.train_dataloader.batch_size = 4
    cfg.train_dataloader.batch_sampler.num_target = 2
    cfg.train_cfg.max_epochs = 1
    runner = Runner.from_cfg(cfg)
    runner.train()
    scalars = runner.message_hub.log_scalars
    for block in ('video', 'audio', 'fused'):
        assert f'train/boomda/gamma.{block}' in scalars
    assert {'val/acc/all/fused/top1', 'val/score/iw'} <= {*scalars}
    metrics = runner.test()
    assert {key.split('/')[1] for key in metrics if 'acc/' in key} == {
        target,
        'all',
        'worst',
    }


def test_each_row_has_a_config_of_each_data_set():
    runs = ('mini-hac-cartoon', 'mini-hac-human-cartoon', 'hac-cartoon')
    names = {(row, run) for row in ROWS for run in (*runs, 'epic-d1')}
    found = {
        (path.stem.split('_')[0].partition('-')[2], path.stem.split('_')[-1])
        for path in ABLATIONS
    }
    assert found == names and len(ABLATIONS) == len(names)


@pytest.mark.parametrize('path', ABLATIONS, ids=lambda path: path.stem)
def test_row_differs_in_its_setting_alone(path):
    row = path.stem.split('_')[0].partition('-')[2]
    run = path.stem.split('_', 1)[1].replace('1xb16', '1xb32')
    (boomda,) = FOLDER.rglob(f'boomda_{run}.py')
    cfg = Config.fromfile(boomda)
    cfg.merge_from_dict(ROWS[row])
    assert Config.fromfile(path).to_dict() == cfg.to_dict()
