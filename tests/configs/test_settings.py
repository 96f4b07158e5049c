# Copyright (c) mmgmp authors.
"""Variables determine a setting: data, encoders, schedule, protocol."""

from itertools import permutations

import pytest

from tests.utils.leaves import read_leaf

DATASETS = dict(
    mini_hac=(('human', 'animal', 'cartoon'), 7),
    hac=(('human', 'animal', 'cartoon'), 7),
    epic_kitchens=(('D1', 'D2', 'D3'), 8),
)
RUNS = [
    (dataset, tuple(d for d in domains if d != target), target)
    for dataset, (domains, _) in DATASETS.items()
    for target in domains
] + [
    (dataset, (source,), target)
    for dataset, (domains, _) in DATASETS.items()
    for source, target in permutations(domains, 2)
]
EACH = pytest.mark.parametrize(('dataset', 'sources', 'target'), RUNS)


def read(name, dataset, sources, target, **variables):
    return read_leaf(
        name,
        dataset=dataset,
        sources='-'.join(sources),
        target=target,
        **variables,
    )


@EACH
def test_generalization(dataset, sources, target):
    cfg = read('gmp', dataset, sources, target)
    model = cfg.model
    assert model.num_classes == DATASETS[dataset][1]
    assert model.num_domains == len(sources)
    train, val, test = (
        cfg[f'{part}_dataloader'].dataset for part in ('train', 'val', 'test')
    )
    assert tuple(train.domains) == tuple(val.domains) == sources
    assert tuple(test.source_domains) == sources
    assert tuple(test.domains) == (target,)
    splits = 'train', 'test', 'test' if 'epic' in dataset else 'all'
    assert (train.split, val.split, test.split) == splits
    assert cfg.train_dataloader.batch_size == 16
    # With one source there are no domains to distinguish.
    assert ('objectives' in model) == (len(sources) > 1)
    released = read('gmp_released', dataset, sources, target)
    tasks = {'fused', 'semantic', 'domain'}
    if len(sources) == 1:
        tasks.remove('domain')
    assert released.optim_wrapper.tasks.keys() == tasks


@EACH
def test_adaptation(dataset, sources, target):
    cfg = read('boomda', dataset, sources, target)
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


@pytest.mark.parametrize('dataset', DATASETS)
def test_corrupted_target_in_training_and_test(dataset):
    sources, target = DATASETS[dataset][0][:2], DATASETS[dataset][0][2]
    for name in ('gmp', 'boomda'):
        cfg = read(name, dataset, sources, target, corrupted=True)
        clean = read(name, dataset, sources, target)
        assert cfg.work_dir == f'{clean.work_dir}-corrupted'
        for part in ('train', 'val', 'test'):
            leaves, others = (
                c[f'{part}_dataloader'].dataset for c in (cfg, clean)
            )
            leaves = leaves.get('datasets', [leaves])
            others = others.get('datasets', [others])
            for leaf, other in zip(leaves, others, strict=True):
                if leaf.domains == [target]:
                    (corruption,) = leaf.pipeline
                    assert corruption.type == 'CorruptedTarget'
                    assert corruption.modalities == ['video', 'audio']
                    assert corruption.transforms == other.pipeline
                else:
                    assert leaf.pipeline == other.pipeline


@pytest.mark.parametrize(
    'modalities', ['video', 'audio', 'flow', 'video-audio-flow']
)
@pytest.mark.parametrize('dataset', ['hac', 'epic_kitchens'])
def test_published_encoders(dataset, modalities):
    cfg = read_leaf('dann', dataset=dataset, modalities=modalities)
    chosen = modalities.split('-')
    backbone = cfg.model.backbone
    for per_modality in (
        cfg.model.data_preprocessor.preprocessors,
        cfg.model.in_channels,
        backbone.encoders,
        backbone.pretrained,
        backbone.trainable,
    ):
        assert [*per_modality] == chosen
    assert backbone.feature_dropout == {m: 0.5 for m in chosen if m != 'audio'}
    for part in ('train', 'val', 'test'):
        dataset = cfg[f'{part}_dataloader'].dataset
        assert [*dataset.modalities] == chosen
        assert [*dataset.pipeline[-1].collect_keys] == chosen
    assert cfg.train_cfg.max_epochs == 20
    assert cfg.optim_wrapper.optimizer == dict(type='Adam', lr=1e-4)


def test_one_source_of_mini_hac_has_as_many_iterations_as_two():
    two = read_leaf('erm')
    one = read_leaf('erm', sources='human')
    assert one.train_cfg.max_epochs == 2 * two.train_cfg.max_epochs == 16
    assert one.param_scheduler[0].T_max == one.param_scheduler[0].end == 16


def test_beta_of_boomda_depends_on_the_encoders():
    """The beta of the paper is for pre-trained encoders."""
    assert read_leaf('boomda').model.objectives.boomda.beta == 5e-5
    cfg = read_leaf('boomda', dataset='hac')
    assert 'beta' not in cfg.model.objectives.boomda
